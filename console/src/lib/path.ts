// Paths of a volume. They are bytes: what is not UTF-8 travels as path_b64 beside a cleaned text.
import type { FileEntry } from '../api/client';

export interface Place {
  path: string;
  b64?: string;
}

/** "/a/b" → [{/}, {/a}, {/a/b}]. With bytes given, each crumb carries its own. */
export function crumbs(place: Place): (Place & { name: string })[] {
  const list: (Place & { name: string })[] = [{ path: '/', name: '/' }];
  const parts = place.path.split('/').filter(Boolean);
  const raw = place.b64 ? splitBytes(place.b64) : undefined;
  parts.forEach((name, i) => {
    const path = `/${parts.slice(0, i + 1).join('/')}`;
    const b64 = raw && raw.length === parts.length ? joinBytes(raw.slice(0, i + 1)) : undefined;
    list.push({ path, name, b64 });
  });
  return list;
}

function splitBytes(b64: string): string[] {
  return atob(b64).split('/').filter(Boolean);
}

function joinBytes(parts: string[]): string {
  return btoa(`/${parts.join('/')}`);
}

/** What of a name is not seen, or turns the direction in which the rest is read. Joiners stay: scripts and pictures are made with them. */
const UNSEEN = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/gu;

const CALLED: Record<string, string> = { '\n': 'LF', '\r': 'CR', '\t': 'TAB' };

/** A name or path as it can be shown on one line and told from any other: control characters by name, blanks at ends as ␣. */
export function visible(text: string): string {
  return text
    .replace(
      UNSEEN,
      (c) => `⟨${CALLED[c] ?? `U+${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`}⟩`,
    )
    .replace(/(?<=^|\/) +| +(?=\/|$)/g, (blanks) => '␣'.repeat(blanks.length));
}

export function placeOf(file: Pick<FileEntry, 'path' | 'path_b64'>): Place {
  return { path: file.path, b64: file.path_b64 };
}

export function keyOf(file: Pick<FileEntry, 'path' | 'path_b64'>): string {
  return file.path_b64 ?? file.path;
}

export function parentOf(place: Place): Place {
  const list = crumbs(place);
  return list[Math.max(list.length - 2, 0)]!;
}

/** The body of tier and recall. */
export function pathsOf(files: Pick<FileEntry, 'path' | 'path_b64'>[]): {
  paths?: string[];
  paths_b64?: string[];
} {
  const plain = files.filter((f) => !f.path_b64).map((f) => f.path);
  const raw = files.flatMap((f) => (f.path_b64 ? [f.path_b64] : []));
  return { ...(plain.length ? { paths: plain } : {}), ...(raw.length ? { paths_b64: raw } : {}) };
}
