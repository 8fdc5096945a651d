// What a rule is made of: fields, comparisons, values, and texts that may hold bytes that are no UTF-8.

export const FIELDS = [
  'name',
  'path',
  'ext',
  'size',
  'accessed',
  'modified',
  'created',
  'owner',
  'attributes',
  'state',
] as const;
export type Field = (typeof FIELDS)[number];
export type Kind = 'text' | 'size' | 'time' | 'owner' | 'attrs' | 'state';
export type Op = '=' | '<' | '<=' | '>' | '>=' | 'in' | 'matches' | 'like' | 'older than' | 'newer than';
export type AgeUnit = 'h' | 'd' | 'w' | 'mo' | 'y';
export type SizeUnit = 'B' | 'KB' | 'KiB' | 'MB' | 'MiB' | 'GB' | 'GiB' | 'TB' | 'TiB';

export const KIND: Record<Field, Kind> = {
  name: 'text',
  path: 'text',
  ext: 'text',
  size: 'size',
  accessed: 'time',
  modified: 'time',
  created: 'time',
  owner: 'owner',
  attributes: 'attrs',
  state: 'state',
};
const ORDER: Op[] = ['=', '<', '<=', '>', '>='];
const TEXT_OPS: Op[] = ['=', 'in', 'matches', 'like'];
export const OPS: Record<Kind, Op[]> = {
  text: TEXT_OPS,
  size: [...ORDER, 'in'],
  time: [...ORDER, 'older than', 'newer than'],
  owner: TEXT_OPS,
  attrs: ['=', 'in'],
  state: ['=', 'in'],
};
export const ATTRIBUTES = [
  'immutable',
  'append',
  'verity',
  'encrypted',
  'dax',
  'compressed',
  'readonly',
  'hidden',
  'system',
  'offline',
  'reparse',
  'setuid',
  'setgid',
  'sticky',
  'executable',
];
export const STATES = ['resident', 'stub', 'tiering', 'recalling', 'pinned', 'archived'];

/** Texts may hold bytes that are no UTF-8: byte NN stands as the lone half character U+DCNN. */
export type Value =
  | { is: 'text'; text: string; fold: boolean }
  | { is: 'uid'; uid: number }
  | { is: 'size'; bytes: bigint }
  | { is: 'age'; count: number; unit: AgeUnit }
  | { is: 'date'; ns: bigint }
  | { is: 'word'; word: string }
  | { is: 'regex'; text: string; fold: boolean };
export interface Leaf {
  kind: 'leaf';
  field: Field;
  op: Op;
  negated: boolean;
  values: Value[];
}
export type Node =
  | { kind: 'and' | 'or'; parts: Node[] }
  | { kind: 'not'; part: Node }
  | { kind: 'const'; truth: boolean }
  | Leaf;

export interface RuleError {
  at: number;
  length: number;
  message: string;
  expected: string;
}
export type Parsed = { ok: true; node: Node } | { ok: false; error: RuleError };

export const LIMITS = { text: 65_536, depth: 64, nodes: 4096, list: 4096, string: 4096, regexes: 32 };

/** Largest first, as a size is printed. */
export const SIZE_UNITS: [SizeUnit, bigint][] = [
  ['TiB', 1n << 40n],
  ['TB', 1_000_000_000_000n],
  ['GiB', 1n << 30n],
  ['GB', 1_000_000_000n],
  ['MiB', 1n << 20n],
  ['MB', 1_000_000n],
  ['KiB', 1024n],
  ['KB', 1000n],
  ['B', 1n],
];

// ---- bytes and texts ----

export const encoder = new TextEncoder();
export const lossy = new TextDecoder('utf-8', { ignoreBOM: true });

/** Length of the valid UTF-8 character at the front of what is left, 0 for none. */
function characterAt(b: Uint8Array, i: number): number {
  const c = b[i]!;
  const follows = (n: number) => {
    for (let k = 1; k <= n; k++) if (i + k >= b.length || (b[i + k]! & 0xc0) !== 0x80) return false;
    return true;
  };
  if (c < 0x80) return 1;
  if (c >= 0xc2 && c <= 0xdf) return follows(1) ? 2 : 0;
  if (c >= 0xe0 && c <= 0xef) {
    if (!follows(2)) return 0;
    const d = b[i + 1]!;
    return (c === 0xe0 && d < 0xa0) || (c === 0xed && d > 0x9f) ? 0 : 3;
  }
  if (c >= 0xf0 && c <= 0xf4) {
    if (!follows(3)) return 0;
    const d = b[i + 1]!;
    return (c === 0xf0 && d < 0x90) || (c === 0xf4 && d > 0x8f) ? 0 : 4;
  }
  return 0;
}

export function textOf(b: Uint8Array): string {
  let text = '';
  for (let i = 0; i < b.length;) {
    const n = characterAt(b, i);
    text += n > 0 ? lossy.decode(b.subarray(i, i + n)) : String.fromCharCode(0xdc00 + b[i]!);
    i += n || 1;
  }
  return text;
}

export const isRaw = (code: number) => code >= 0xdc80 && code <= 0xdcff;

export function bytesOf(text: string): Uint8Array {
  const out: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (isRaw(code)) out.push(code - 0xdc00);
    else out.push(...encoder.encode(character));
  }
  return Uint8Array.from(out);
}
