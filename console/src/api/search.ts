// Finding anything by its name: one question, hits in groups.
import { visible } from '../lib/path';
import { api, must, type Schemas } from './client';

export type HitKind = Schemas['SearchKind'];
export interface Hit {
  kind: HitKind;
  id: string;
  name: string;
  /** Whose it is, by id and by name. */
  customer: string | null;
  of: string | null;
  /** What tells it from others of the name: a host's folder, a rule's condition. */
  where: string;
  /** Of a file: as it is asked for. */
  file?: { volume: string; path: string; path_b64?: string };
}
export interface Group {
  kind: HitKind;
  hits: Hit[];
  /** There are more of it. */
  more: boolean;
}
export interface Found {
  groups: Group[];
  /** Not all volumes were looked through for files. */
  partial: boolean;
}

const EACH = 6;

function hitOf(h: Schemas['SearchHit']): Hit {
  const { file } = h;
  const whose = { kind: h.kind, customer: h.customer_id, of: h.customer };
  if (!file || !h.volume_id) return { ...whose, id: h.id ?? h.name, name: visible(h.name), where: h.detail };
  return {
    ...whose,
    id: `${h.volume_id} ${file.path_b64 ?? file.path}`,
    name: visible(file.name),
    where: `${h.volume ?? ''} ${visible(file.path)}`.trim(),
    file: { volume: h.volume_id, path: file.path, path_b64: file.path_b64 },
  };
}

/** What fits a text, of the customer or of all. */
export async function searchAll(
  text: string,
  customer: string | undefined,
  signal: AbortSignal,
): Promise<Found> {
  const query = { q: text, customer_id: customer, limit: EACH };
  const { groups } = await must(api.GET('/search', { params: { query }, signal }));
  return {
    groups: groups
      .filter((g) => g.items.length > 0)
      .map((g) => ({ kind: g.kind, hits: g.items.map(hitOf), more: g.more })),
    partial: groups.some((g) => g.partial),
  };
}
