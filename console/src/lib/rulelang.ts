// The rule language of doc/format/rule.md: text to a tree and back, as src/rule does it, so that an editor can answer without asking. The server's word
// stays the last one. Places are bytes of the text in UTF-8, as the server tells them. Regular expressions are kept as they are; only the server compiles them.
import { t } from '@lingui/core/macro';
import {
  ATTRIBUTES,
  FIELDS,
  KIND,
  LIMITS,
  OPS,
  SIZE_UNITS,
  STATES,
  bytesOf,
  encoder,
  isRaw,
  lossy,
  textOf,
  type AgeUnit,
  type Field,
  type Kind,
  type Leaf,
  type Node,
  type Op,
  type Parsed,
  type RuleError,
  type SizeUnit,
  type Value,
} from './ruletree';

export * from './ruletree';

const SIZE_EXPECTED = () => t`a size: 4096, 10MB, 1.5GiB (units B, KB, MB, GB, TB, KiB, MiB, GiB, TiB)`;
const AGE_EXPECTED = () => t`an age: a whole number and h, d, w, mo or y, as in 90d`;
const DATE_EXPECTED = () => t`a date in quotes: "2026-01-31" or "2026-01-31T10:30:00Z"`;
const FIELDS_EXPECTED = () =>
  t`a field (name, path, ext, size, accessed, modified, created, owner, attributes, state), not, true, false, or (`;
const OPS_EXPECTED = (): Record<Kind, string> => ({
  text: t`=, !=, in, not in, matches or like`,
  size: t`=, !=, <, <=, >, >=, in or not in`,
  time: t`older than, newer than, =, !=, <, <=, > or >=`,
  owner: t`=, !=, in, not in, matches or like`,
  attrs: t`=, !=, in or not in`,
  state: t`=, !=, in or not in`,
});
const I64_MAX = (1n << 63n) - 1n;
const U64_MAX = (1n << 64n) - 1n;
const HOUR_NS = 3_600_000_000_000n;
const AGE_NS: Record<AgeUnit, bigint> = {
  h: HOUR_NS,
  d: 24n * HOUR_NS,
  w: 7n * 24n * HOUR_NS,
  mo: 30n * 24n * HOUR_NS,
  y: 365n * 24n * HOUR_NS,
};
const AGE_NS_MAX = 290n * 365n * 24n * HOUR_NS;
// ---- reading ----

class Wrong extends Error {
  readonly told: RuleError;
  constructor(told: RuleError) {
    super(told.message);
    this.told = told;
  }
}

type Tok = 'end' | 'word' | 'string' | 'op' | '(' | ')' | ',' | 'regex';
interface Token {
  kind: Tok;
  at: number;
  len: number;
  /** Of a word its letters, of strings and regexes what they hold. */
  text: string;
  op: Op;
  negated: boolean;
  fold: boolean;
}

const code = (c: string) => c.charCodeAt(0);
const isDigit = (c: number | undefined) => c !== undefined && c >= 48 && c <= 57;
const isWord = (c: number | undefined) =>
  c !== undefined && (isDigit(c) || (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95);
const isBlank = (c: number | undefined) => c === 32 || (c !== undefined && c >= 9 && c <= 13);
const lower = (s: string) => s.replace(/[A-Z]/g, (c) => c.toLowerCase());

class Parser {
  private readonly b: Uint8Array;
  private pos = 0;
  private now!: Token;
  private nodes = 0;
  private regexes = 0;
  private depth = 0;

  constructor(text: string) {
    this.b = encoder.encode(text);
  }

  private fail(at: number, length: number, expected: string, message: string): never {
    const from = Math.min(at, this.b.length);
    throw new Wrong({ at: from, length: Math.min(length, this.b.length - from), message, expected });
  }

  private shown(at: number, len: number): string {
    return lossy.decode(this.b.subarray(at, at + Math.min(len, 60)));
  }

  // -- lexer --

  private escape(): number {
    const at = this.pos - 1;
    const c = this.b[this.pos++]!;
    switch (c) {
      case code('"'):
      case code("'"):
      case code('\\'):
        return c;
      case code('n'):
        return 10;
      case code('r'):
        return 13;
      case code('t'):
        return 9;
      case code('x'): {
        const hex = lossy.decode(this.b.subarray(this.pos, this.pos + 2));
        if (!/^[0-9a-fA-F]{2}$/.test(hex))
          this.fail(at, 2, `${t`two hexadecimal digits, as in`} \\xff`, t`incomplete \\x escape`);
        this.pos += 2;
        if (hex === '00') this.fail(at, 4, '', t`no name holds a zero byte`);
        return parseInt(hex, 16);
      }
      default:
        return this.fail(
          at,
          2,
          t`\\\\ for a backslash, or one of \\" \\' \\n \\r \\t \\xNN`,
          t`unknown escape in a string`,
        );
    }
  }

  private flag() {
    const at = this.pos;
    while (isWord(this.b[this.pos])) this.pos++;
    if (this.pos === at) return;
    if (this.pos - at === 1 && this.b[at] === code('i')) {
      this.now.fold = true;
      return;
    }
    this.fail(at, this.pos - at, t`i (upper and lower case alike), or a blank`, t`unknown flag`);
  }

  private string(quote: number) {
    const at = this.pos - 1;
    const out: number[] = [];
    while (this.pos < this.b.length && this.b[this.pos] !== quote) {
      let c = this.b[this.pos++]!;
      if (c === code('\\')) c = this.pos < this.b.length ? this.escape() : c;
      if (c === 0) this.fail(this.pos - 1, 1, '', t`no name holds a zero byte`);
      if (out.length === LIMITS.string)
        this.fail(at, this.pos - at, '', t`a string is longer than ${LIMITS.string} bytes`);
      out.push(c);
    }
    if (this.pos >= this.b.length)
      this.fail(at, this.b.length - at, String.fromCharCode(quote), t`the string is not closed`);
    this.pos++;
    this.now.kind = 'string';
    this.now.text = textOf(Uint8Array.from(out));
    this.flag();
  }

  private regex() {
    const at = this.pos - 1;
    const out: number[] = [];
    while (this.pos < this.b.length && this.b[this.pos] !== code('/')) {
      let c = this.b[this.pos++]!;
      if (c === 0) this.fail(this.pos - 1, 1, '', t`no name holds a zero byte`);
      if (c === code('\\') && this.pos < this.b.length) {
        if (this.b[this.pos] !== code('/') && out.length < LIMITS.string) out.push(c);
        c = this.b[this.pos++]!;
      }
      if (out.length === LIMITS.string)
        this.fail(at, this.pos - at, '', t`a regular expression is longer than ${LIMITS.string} bytes`);
      out.push(c);
    }
    if (this.pos >= this.b.length)
      this.fail(at, this.b.length - at, '/', t`the regular expression is not closed`);
    this.pos++;
    this.now.kind = 'regex';
    this.now.text = textOf(Uint8Array.from(out));
    this.flag();
  }

  private symbol() {
    const c = String.fromCharCode(this.b[this.pos]!);
    const d = this.pos + 1 < this.b.length ? String.fromCharCode(this.b[this.pos + 1]!) : '';
    const op = (o: Op, len: number, negated = false) => {
      this.pos += len;
      Object.assign(this.now, { kind: 'op', op: o, negated });
    };
    if (c === '(' || c === ')' || c === ',') {
      this.pos++;
      this.now.kind = c;
    } else if (c === '=') op('=', d === '=' ? 2 : 1);
    else if ((c === '!' && d === '=') || (c === '<' && d === '>')) op('=', 2, true);
    else if (c === '<' || c === '>') op((d === '=' ? `${c}=` : c) as Op, d === '=' ? 2 : 1);
    else {
      const n = this.b[this.pos]!;
      this.fail(
        this.pos,
        1,
        '',
        n >= 0x20 && n < 0x7f
          ? t`unexpected ${`'${c}'`}`
          : t`unexpected byte 0x${n.toString(16).padStart(2, '0')}`,
      );
    }
  }

  private lex(regexNext = false) {
    while (isBlank(this.b[this.pos])) this.pos++;
    this.now = { kind: 'end', at: this.pos, len: 0, text: '', op: '=', negated: false, fold: false };
    const c = this.b[this.pos];
    if (c === undefined) return;
    if (c === code('"') || c === code("'")) {
      this.pos++;
      this.string(c);
    } else if (c === code('/') && regexNext) {
      this.pos++;
      this.regex();
    } else if (isWord(c)) {
      const number = isDigit(c);
      while (isWord(this.b[this.pos]) || (number && this.b[this.pos] === code('.'))) this.pos++;
      this.now.kind = 'word';
      this.now.text = lossy.decode(this.b.subarray(this.now.at, this.pos));
    } else this.symbol();
    this.now.len = this.pos - this.now.at;
  }

  private is(word: string): boolean {
    return this.now.kind === 'word' && lower(this.now.text) === word;
  }

  // -- values --

  private size(): Value {
    const tok = this.now;
    const bad = () =>
      this.fail(tok.at, tok.len, SIZE_EXPECTED(), t`"${this.shown(tok.at, tok.len)}" is no size`);
    const parts = tok.kind === 'word' ? /^(\d+)(?:\.(\d+))?([^]*)$/.exec(tok.text) : null;
    if (!parts || BigInt(parts[1]!) > U64_MAX || BigInt(parts[2] ?? 0) > U64_MAX) return bad();
    if (parts[2] === undefined && parts[3]!.startsWith('.')) return bad();
    const find = (text: string) => SIZE_UNITS.find(([name]) => lower(name) === lower(text));
    this.lex();
    let unit: [SizeUnit, bigint] | undefined = ['B', 1n];
    if (parts[3]) unit = find(parts[3]);
    else if (this.now.kind === 'word' && find(this.now.text)) {
      unit = find(this.now.text);
      this.lex();
    }
    if (!unit) return bad();
    const part = parts[2] ?? '';
    let bytes = BigInt(part || 0) * unit[1];
    for (let i = 0; i < part.length; i++) bytes /= 10n; // rounds down to whole bytes
    bytes += BigInt(parts[1]!) * unit[1];
    if (bytes > I64_MAX) this.fail(tok.at, tok.len, SIZE_EXPECTED(), t`no file is that large`);
    return { is: 'size', bytes };
  }

  private age(): Value {
    const tok = this.now;
    const parts = tok.kind === 'word' ? /^(\d+)([^]*)$/.exec(tok.text) : null;
    if (!parts || BigInt(parts[1]!) > U64_MAX)
      return this.fail(tok.at, tok.len, AGE_EXPECTED(), t`an age is missing`);
    this.lex();
    let name = lower(parts[2]!);
    if (!name && this.now.kind === 'word' && lower(this.now.text) in AGE_NS) {
      name = lower(this.now.text);
      this.lex();
    }
    if (!Object.hasOwn(AGE_NS, name))
      this.fail(tok.at, tok.len, AGE_EXPECTED(), t`"${this.shown(tok.at, tok.len)}" is no age`);
    const unit = name as AgeUnit;
    const count = BigInt(parts[1]!);
    if (count > AGE_NS_MAX / AGE_NS[unit])
      this.fail(tok.at, tok.len, AGE_EXPECTED(), t`an age is at most 290 years`);
    return { is: 'age', count: Number(count), unit };
  }

  private date(): Value {
    const tok = this.now;
    const length = bytesOf(tok.text).length;
    if (tok.kind !== 'string' || tok.fold || length === 0 || length > 40)
      this.fail(tok.at, tok.len, DATE_EXPECTED(), t`a date is missing`);
    const ns = parseTime(length === 10 ? `${tok.text}T00:00:00Z` : tok.text);
    if (ns === undefined)
      return this.fail(tok.at, tok.len, DATE_EXPECTED(), t`"${lossy.decode(bytesOf(tok.text))}" is no date`);
    this.lex();
    return { is: 'date', ns };
  }

  private named(field: 'attributes' | 'state'): Value {
    const tok = this.now;
    const word = (field === 'state' ? STATES : ATTRIBUTES).find((w) => w === lower(tok.text));
    if (!word)
      return this.fail(
        tok.at,
        tok.len,
        field === 'state'
          ? t`resident, stub, tiering, recalling, pinned or archived`
          : t`immutable, append, verity, encrypted, dax, compressed, readonly, hidden, system, offline, reparse, setuid, setgid, sticky or executable`,
        field === 'state' ? t`unknown state` : t`unknown attribute`,
      );
    this.lex();
    return { is: 'word', word };
  }

  private text(fold: boolean): Value {
    const text = fold ? lower(this.now.text) : this.now.text;
    this.lex();
    return { is: 'text', text, fold };
  }

  private owner(): Value {
    const tok = this.now;
    if (tok.kind === 'word' && /^\d/.test(tok.text)) {
      if (!/^\d+$/.test(tok.text) || BigInt(tok.text) > 0xffff_ffffn)
        this.fail(tok.at, tok.len, t`a user number, or a name in quotes`, t`this is no user number`);
      this.lex();
      return { is: 'uid', uid: Number(tok.text) };
    }
    return this.text(tok.fold);
  }

  private item(field: Field): Value {
    const kind = KIND[field];
    if (kind === 'size') return this.size();
    if (kind === 'time') return this.date();
    const tok = this.now;
    if (tok.kind !== 'word' && tok.kind !== 'string')
      this.fail(tok.at, tok.len, t`a word, or text in quotes`, t`a value for ${field} is missing`);
    if (field === 'attributes' || field === 'state') return this.named(field);
    if (field === 'owner') return this.owner();
    const wrong = checkText(field, tok.text);
    if (wrong) this.fail(tok.at, tok.len, wrong.expected, wrong.message);
    return this.text(tok.fold || field === 'ext');
  }

  private glob(field: Field): Value {
    const tok = this.now;
    if (tok.kind !== 'string')
      this.fail(tok.at, tok.len, t`a pattern in quotes, as in "/Active/**"`, t`a pattern is missing`);
    const wrong = checkGlob(field, tok.text);
    if (wrong) this.fail(tok.at, tok.len, wrong.expected, wrong.message);
    const value = this.text(false) as Value & { is: 'text' };
    return { ...value, fold: tok.fold || field === 'ext' };
  }

  private list(field: Field): Value[] {
    const items: Value[] = [];
    if (this.now.kind !== '(') this.fail(this.now.at, this.now.len, '(', t`a list in parentheses is missing`);
    do {
      if (items.length === LIMITS.list)
        this.fail(this.now.at, this.now.len, '', t`a list has more than ${LIMITS.list} items`);
      this.lex();
      items.push(this.item(field));
    } while ((this.now.kind as Tok) === ',');
    if ((this.now.kind as Tok) !== ')')
      this.fail(this.now.at, this.now.len, t`, or )`, t`the list is not closed`);
    this.lex();
    return items;
  }

  private like(): Value {
    const tok = this.now;
    if (tok.kind !== 'regex')
      this.fail(
        tok.at,
        tok.len,
        t`a regular expression between slashes, as in /^img_\\d+/i`,
        t`a regular expression is missing`,
      );
    if (++this.regexes > LIMITS.regexes)
      this.fail(tok.at, tok.len, '', t`more than ${LIMITS.regexes} regular expressions`);
    this.lex();
    return { is: 'regex', text: tok.text, fold: tok.fold };
  }

  // -- the tree --

  private node() {
    if (++this.nodes > LIMITS.nodes)
      this.fail(this.now.at, this.now.len, '', t`the rule has more than ${LIMITS.nodes} parts`);
  }

  private deeper() {
    if (++this.depth > LIMITS.depth)
      this.fail(this.now.at, this.now.len, '', t`parentheses and not lie more than ${LIMITS.depth} deep`);
  }

  private noOp(field: Field): never {
    return this.fail(
      this.now.at,
      this.now.len,
      OPS_EXPECTED()[KIND[field]],
      this.now.kind === 'end' ? t`the rule ends after ${field}` : t`this cannot be asked of ${field}`,
    );
  }

  private op(field: Field): { op: Op; negated: boolean } {
    const ops = OPS[KIND[field]];
    let op: Op;
    let negated = false;
    if (this.now.kind === 'op') ({ op, negated } = this.now);
    else if (this.is('older') || this.is('newer')) {
      op = this.is('older') ? 'older than' : 'newer than';
      if (ops.includes(op)) {
        this.lex();
        if (!this.is('than')) this.fail(this.now.at, this.now.len, 'than', t`than is missing`);
      }
    } else {
      if (this.is('not')) {
        negated = true;
        this.lex();
      }
      if (this.is('in')) op = 'in';
      else if (this.is('matches')) op = 'matches';
      else if (this.is('like')) op = 'like';
      else return this.noOp(field);
    }
    if (!ops.includes(op)) this.noOp(field);
    return { op, negated };
  }

  private leaf(field: Field): Node {
    this.node();
    this.lex();
    const { op, negated } = this.op(field);
    let values: Value[];
    this.lex(op === 'like');
    if (op === 'like') values = [this.like()];
    else if (op === 'in') values = this.list(field);
    else if (op === 'matches') values = [this.glob(field)];
    else if (op === 'older than' || op === 'newer than') values = [this.age()];
    else values = [this.item(field)];
    return { kind: 'leaf', field, op, negated, values };
  }

  private unary(): Node {
    if (this.now.kind === '(') {
      this.deeper();
      this.lex();
      const n = this.or();
      if ((this.now.kind as Tok) !== ')')
        this.fail(this.now.at, this.now.len, t`), and, or or`, t`a parenthesis is not closed`);
      this.lex();
      this.depth--;
      return n;
    }
    if (this.is('not')) {
      this.node();
      this.deeper();
      this.lex();
      const part = this.unary();
      this.depth--;
      return { kind: 'not', part };
    }
    if (this.is('true') || this.is('false')) {
      const truth = this.is('true');
      this.node();
      this.lex();
      return { kind: 'const', truth };
    }
    const field = FIELDS.find((f) => this.is(f));
    if (field) return this.leaf(field);
    const { kind, at, len } = this.now;
    if (kind === 'end')
      return this.fail(
        at,
        0,
        FIELDS_EXPECTED(),
        this.b.length === 0 ? t`the rule is empty` : t`the rule ends too early`,
      );
    const shown = this.shown(at, len);
    return this.fail(
      at,
      len,
      FIELDS_EXPECTED(),
      kind === 'word' ? t`unknown field "${shown}"` : t`unexpected ${shown}`,
    );
  }

  private chain(kind: 'and' | 'or', part: () => Node): Node {
    const first = part();
    if (!this.is(kind)) return first;
    this.node();
    const parts: Node[] = [];
    // (a and b) and c is a and b and c.
    const add = (n: Node) => (n.kind === kind ? parts.push(...n.parts) : parts.push(n));
    add(first);
    while (this.is(kind)) {
      this.lex();
      add(part());
    }
    return { kind, parts };
  }

  private or(): Node {
    return this.chain('or', () => this.chain('and', () => this.unary()));
  }

  all(): Node {
    if (this.b.length > LIMITS.text)
      this.fail(LIMITS.text, this.b.length, '', t`the rule is longer than ${LIMITS.text} bytes`);
    this.lex();
    const n = this.or();
    if (this.now.kind !== 'end')
      this.fail(
        this.now.at,
        this.now.len,
        t`and, or, or the end of the rule`,
        t`something follows that does not belong`,
      );
    return n;
  }
}

export function parseRule(text: string): Parsed {
  try {
    return { ok: true, node: new Parser(text).all() };
  } catch (e) {
    if (e instanceof Wrong) return { ok: false, error: e.told };
    throw e;
  }
}

// ---- what a value may be ----

export interface Unfit {
  message: string;
  expected: string;
}

/** Why a text cannot be a value of name, path or ext. */
export function checkText(field: Field, text: string): Unfit | undefined {
  if (field === 'name' && text.includes('/'))
    return { message: t`a name holds no '/'`, expected: t`path instead of name` };
  if (field === 'ext' && (text.startsWith('.') || text.includes('/')))
    return {
      message: t`an extension is written without its dot and holds no '/'`,
      expected: t`as in ext = mov`,
    };
  if (field === 'path' && (text.length < 2 || !text.startsWith('/') || text.endsWith('/')))
    return {
      message: t`a path begins with '/' at the volume's root and does not end in '/'`,
      expected: t`as in path = "/projects/old.mov"`,
    };
  return undefined;
}

const globError = (message: string): Unfit => ({
  message,
  expected: t`* ** ? [a-z] [!a-z] and \\ before a character that is meant as it is (in quotes: \\\\)`,
});

/** Why a text is no pattern for this field. */
export function checkGlob(field: Field, text: string): Unfit | undefined {
  if (field !== 'path' && text.includes('/'))
    return { message: t`${field} holds no '/'`, expected: 'path matches "..."' };
  const p = [...text];
  for (let i = 0; i < p.length; i++) {
    if (p[i] === '\\') {
      if (++i >= p.length) return globError(t`the pattern ends in the middle of a \\ escape`);
    } else if (p[i] === '[') {
      const end = setEnd(p, i + 1);
      if (typeof end === 'string') return globError(end);
      i = end;
    }
  }
  return undefined;
}

/** Of the set whose '[' is before i: the place of its ']', or what is wrong with it. */
function setEnd(p: string[], i: number): number | string {
  const member = () => {
    if (p[i] === '\\') i++;
    return p[i++];
  };
  // As the server orders them: what is no UTF-8 comes behind every character.
  const rank = (c: string) => {
    const n = c.codePointAt(0)!;
    return isRaw(n) ? 0x200000 + n : n;
  };
  if (p[i] === '!' || p[i] === '^') i++;
  for (let first = true; i < p.length && (p[i] !== ']' || first); first = false) {
    const from = member();
    if (from === undefined) break;
    let to: string | undefined = from;
    if (i + 1 < p.length && p[i] === '-' && p[i + 1] !== ']') {
      i++;
      to = member();
      if (to === undefined) break;
    }
    if (rank(from) > rank(to)) return t`a range in [..] runs backwards`;
  }
  return i >= p.length ? t`a [ is not closed by ]` : i;
}

const NS = 1_000_000_000n;

/** Nanoseconds since 1970 of an RFC 3339 text, years 1678 to 2261. */
export function parseTime(text: string): bigint | undefined {
  const m =
    /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/.exec(text);
  if (!m) return undefined;
  const [y, mo, d, h, mi, s] = m.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  const [oh, om] = [Number(m[9] ?? 0), Number(m[10] ?? 0)];
  if (y < 1678 || y > 2261 || mo < 1 || mo > 12 || d < 1 || h > 23 || mi > 59 || s > 60 || oh > 23 || om > 59)
    return undefined;
  if (d > new Date(Date.UTC(y, mo, 0)).getUTCDate()) return undefined;
  const seconds = Date.UTC(y, mo - 1, d, h, mi, s) / 1000 - (m[8] === '-' ? -1 : 1) * (oh * 3600 + om * 60);
  if (seconds < Date.UTC(1678, 0, 1) / 1000 || seconds >= Date.UTC(2262, 0, 1) / 1000) return undefined;
  return BigInt(seconds) * NS + BigInt((m[7] ?? '').padEnd(9, '0'));
}

/** "2026-01-31T10:30:00.5Z"; midnight is the day alone. */
export function timeText(ns: bigint): string {
  const rest = ((ns % NS) + NS) % NS;
  const date = new Date(Number((ns - rest) / NS) * 1000).toISOString().slice(0, 19);
  const fraction = rest ? `.${rest.toString().padStart(9, '0').replace(/0+$/, '')}` : '';
  return `${date}${fraction}Z`.replace(/T00:00:00Z$/, '');
}

/** The largest unit that leaves no rest. */
export function sizeParts(bytes: bigint): [bigint, SizeUnit] {
  const [unit, one] = SIZE_UNITS.find(([, n]) => bytes > 0n && bytes % n === 0n) ?? (['B', 1n] as const);
  return [bytes / one, unit];
}

/** As a person would write it: "1.5 GiB", where its text is 1536MiB. */
export function sizeForPeople(bytes: bigint): [string, SizeUnit] {
  for (const [unit, one] of SIZE_UNITS) {
    if (bytes < one || (bytes * 100n) % one !== 0n) continue;
    const hundredths = (bytes * 100n) / one;
    const rest = hundredths % 100n;
    const part = rest === 0n ? '' : `.${rest.toString().padStart(2, '0').replace(/0$/, '')}`;
    return [`${hundredths / 100n}${part}`, unit];
  }
  return [String(bytes), 'B'];
}

// ---- printing ----

export function quote(text: string): string {
  let out = '"';
  for (const c of text) {
    const n = c.codePointAt(0)!;
    if (c === '"' || c === '\\') out += `\\${c}`;
    else if (c === '\n' || c === '\r' || c === '\t') out += c === '\n' ? '\\n' : c === '\r' ? '\\r' : '\\t';
    else if (n < 0x20 || n === 0x7f || isRaw(n)) out += `\\x${(n & 0xff).toString(16).padStart(2, '0')}`;
    else out += c;
  }
  return `${out}"`;
}

function printText(field: Field, v: { text: string; fold: boolean }, pattern: boolean): string {
  const bare =
    !pattern &&
    (field === 'ext' || (field === 'owner' && !v.fold && !/^\d/.test(v.text))) &&
    /^[A-Za-z0-9_]+$/.test(v.text);
  return bare ? v.text : quote(v.text) + (v.fold && field !== 'ext' ? 'i' : '');
}

function printRegex(v: { text: string; fold: boolean }): string {
  let out = '/';
  for (let i = 0; i < v.text.length; i++) {
    const c = v.text[i]!;
    if (c === '\\' && i + 1 < v.text.length) out += c + v.text[++i]!;
    else out += c === '/' ? '\\/' : c;
  }
  return `${out}/${v.fold ? 'i' : ''}`;
}

export function printValue(leaf: Leaf, v: Value): string {
  switch (v.is) {
    case 'text':
      return printText(leaf.field, v, leaf.op === 'matches');
    case 'uid':
      return String(v.uid);
    case 'size': {
      const [n, unit] = sizeParts(v.bytes);
      return `${n}${unit}`;
    }
    case 'age':
      return `${v.count}${v.unit}`;
    case 'date':
      return `"${timeText(v.ns)}"`;
    case 'word':
      return v.word;
    default:
      return printRegex(v);
  }
}

function printLeaf(leaf: Leaf): string {
  const values = leaf.values.map((v) => printValue(leaf, v)).join(', ');
  const op = !leaf.negated ? leaf.op : leaf.op === '=' ? '!=' : `not ${leaf.op}`;
  return `${leaf.field} ${op} ${leaf.op === 'in' ? `(${values})` : values}`;
}

/** Canonical text: one blank between words, as few parentheses as possible. */
export function printRule(n: Node): string {
  const inside = (child: Node, parentheses: boolean) =>
    parentheses ? `(${printRule(child)})` : printRule(child);
  switch (n.kind) {
    case 'const':
      return String(n.truth);
    case 'leaf':
      return printLeaf(n);
    case 'not':
      return `not ${inside(n.part, n.part.kind === 'and' || n.part.kind === 'or')}`;
    default:
      // A group of nothing is written so that it is refused: left out it would mean more.
      if (n.parts.length === 0) return '()';
      return n.parts
        .map((child) => inside(child, n.kind === 'and' && child.kind === 'or'))
        .join(` ${n.kind} `);
  }
}

/** The text as it would be understood, or as it is where it is not understood. */
export function canonical(text: string): string {
  const p = parseRule(text);
  return p.ok ? printRule(p.node) : text;
}
