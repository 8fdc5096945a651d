import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import corpus from '../../../test/unit/rule/corpus.json';
import {
  ATTRIBUTES,
  bytesOf,
  canonical,
  checkGlob,
  checkText,
  type Field,
  FIELDS,
  KIND,
  type Leaf,
  LIMITS,
  type Node,
  type Op,
  OPS,
  parseRule,
  parseTime,
  printRule,
  sizeForPeople,
  STATES,
  textOf,
  timeText,
  type Value,
} from './rulelang';
import { fromQuery, mend, toQuery } from './querytree';
import { mark } from './ruletext';

// What the server's parser says of each text: its canonical form, or place and words of the error.
interface Row {
  text: string;
  canonical?: string;
  at?: number;
  length?: number;
  message?: string;
  expected?: string;
}
const rows = corpus as Row[];

describe('as the server', () => {
  it('has a corpus of both', () => {
    expect(rows.filter((r) => r.canonical !== undefined).length).toBeGreaterThan(80);
    expect(rows.filter((r) => r.canonical === undefined).length).toBeGreaterThan(80);
  });
  it.each(rows.filter((r) => r.canonical !== undefined))('understands $text', (row) => {
    const p = parseRule(row.text);
    if (!p.ok) throw new Error(p.error.message);
    expect(printRule(p.node)).toBe(row.canonical);
    expect(canonical(row.canonical!)).toBe(row.canonical);
  });
  it.each(rows.filter((r) => r.canonical === undefined))('refuses $text', (row) => {
    const p = parseRule(row.text);
    if (p.ok) throw new Error(`understood as ${printRule(p.node)}`);
    expect(p.error).toEqual({
      at: row.at,
      length: row.length,
      message: row.message,
      expected: row.expected,
    });
  });
});

// ---- trees of every shape ----

const character = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...'abcXYZ019_-. é東"\'\\\n\t\r') },
  {
    weight: 1,
    arbitrary: fc
      .integer({ min: 1, max: 0x10ffff })
      .filter((n) => n < 0xd800 || n > 0xdfff)
      .map((n) => String.fromCodePoint(n)),
  },
  // A byte that is no UTF-8 and cannot join its neighbours to be some: never begins or follows in a character.
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      String.fromCharCode(0xdcff),
      String.fromCharCode(0xdcc0),
      String.fromCharCode(0xdcf8),
    ),
  },
);
const text = fc.array(character, { maxLength: 12 }).map((a) => a.join(''));
const lower = (s: string) => s.replace(/[A-Z]/g, (c) => c.toLowerCase());
const NS = 1_000_000_000n;
const time = fc.oneof(
  fc.bigInt({ min: parseTime('1678-01-01T00:00:00Z')!, max: parseTime('2261-12-31T23:59:59.999999999Z')! }),
  fc.integer({ min: -2_500_000, max: 2_500_000 }).map((n) => BigInt(n) * 3600n * NS),
);

function valueOf(field: Field, op: Op): fc.Arbitrary<Value> {
  const ages = { h: 290 * 8760, d: 290 * 365, w: 15_121, mo: 3_528, y: 290 };
  const fold = field === 'ext' ? fc.constant(true) : fc.boolean();
  if (op === 'older than' || op === 'newer than')
    return fc
      .constantFrom('h', 'd', 'w', 'mo', 'y' as const)
      .chain((unit) =>
        fc
          .integer({ min: 0, max: ages[unit as keyof typeof ages] })
          .map((n) => ({ is: 'age', count: n, unit }) as Value),
      );
  if (op === 'like')
    return fc.record({
      is: fc.constant('regex' as const),
      // A '\' stands only before another character, and never before '/': that is how a lone '/' is written.
      text: fc
        .array(fc.constantFrom('a', '/', '\\d', '\\\\', 'é', '[x]', '.', '"', ' '), { maxLength: 6 })
        .map((a) => a.join('')),
      fold: fc.boolean(),
    });
  if (op === 'matches')
    return fc
      .record({
        is: fc.constant('text' as const),
        text: fc
          .array(
            fc.constantFrom(
              'a',
              'B',
              '*',
              '**',
              '?',
              '[a-z]',
              '[!é]',
              '[]]',
              '\\*',
              '\\\\',
              '/x',
              ' ',
              String.fromCharCode(0xdcff),
            ),
            { maxLength: 6 },
          )
          .map((a) => a.join('')),
        fold,
      })
      .filter((v) => !checkGlob(field, v.text));
  switch (KIND[field]) {
    case 'size':
      return fc
        .oneof(
          fc.bigInt({ min: 0n, max: (1n << 63n) - 1n }),
          fc
            .tuple(
              fc.integer({ min: 0, max: 4000 }),
              fc.constantFrom(
                1000n,
                1024n,
                10n ** 6n,
                1n << 20n,
                10n ** 9n,
                1n << 30n,
                10n ** 12n,
                1n << 40n,
              ),
            )
            .map(([n, u]) => BigInt(n) * u),
        )
        .map((bytes) => ({ is: 'size', bytes }));
    case 'time':
      return time.map((ns) => ({ is: 'date', ns }));
    case 'attrs':
      return fc.constantFrom(...ATTRIBUTES).map((word) => ({ is: 'word', word }));
    case 'state':
      return fc.constantFrom(...STATES).map((word) => ({ is: 'word', word }));
    case 'owner':
      return fc.oneof(
        fc.integer({ min: 0, max: 0xffff_ffff }).map((uid) => ({ is: 'uid', uid }) as Value),
        fc
          .tuple(text, fc.boolean())
          .map(([t, f]) => ({ is: 'text', text: f ? lower(t) : t, fold: f }) as Value),
      );
    default:
      return fc
        .tuple(field === 'path' ? text.map((t) => `/${t}x`) : text, fold)
        .filter(([t]) => !checkText(field, t))
        .map(([t, f]) => ({ is: 'text', text: f ? lower(t) : t, fold: f }));
  }
}

const leaf: fc.Arbitrary<Leaf> = fc
  .constantFrom(...FIELDS)
  .chain((field) => fc.constantFrom(...OPS[KIND[field]]).map((op) => [field, op] as const))
  .chain(([field, op]) =>
    fc.record({
      kind: fc.constant('leaf' as const),
      field: fc.constant(field),
      op: fc.constant(op),
      negated: ['=', 'in', 'matches', 'like'].includes(op) ? fc.boolean() : fc.constant(false),
      values: fc.array(valueOf(field, op), { minLength: 1, maxLength: op === 'in' ? 4 : 1 }),
    }),
  );
const tree: fc.Arbitrary<Node> = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    leaf,
    fc.boolean().map((truth) => ({ kind: 'const', truth }) as Node),
    tie('node').map((part) => ({ kind: 'not', part }) as Node),
    fc.constantFrom('and', 'or' as const).chain((kind) =>
      fc
        .array(
          // Of the same kind it would be flattened.
          tie('node').filter((n) => n.kind !== kind),
          { minLength: 2, maxLength: 4 },
        )
        .map((parts) => ({ kind, parts }) as Node),
    ),
  ),
})).node;

describe('any tree', () => {
  it('is read back as it was printed', () => {
    fc.assert(
      fc.property(tree, (n) => {
        const printed = printRule(n);
        const p = parseRule(printed);
        if (!p.ok) throw new Error(`${p.error.message} in ${printed}`);
        expect(p.node).toEqual(n);
        expect(printRule(p.node)).toBe(printed);
      }),
      { numRuns: 2000 },
    );
  });
  it('can be written in capitals and with any blanks, where nothing is quoted', () => {
    fc.assert(
      fc.property(tree, fc.constantFrom(' ', '\n', '\t  '), (n, blank) => {
        const printed = printRule(n);
        if (/["'/]/.test(printed)) return;
        const other = printed
          .replace(/\b(and|or|not|in|older|newer|than|matches|like)\b/g, (w) => w.toUpperCase())
          .replaceAll(' ', blank);
        // Names of owners are the only bare words whose case counts.
        if (!/\bowner\b/.test(printed)) expect(canonical(other)).toBe(printed);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the builder', () => {
  it('shows any tree and gives it back', () => {
    fc.assert(
      fc.property(tree, (n) => {
        const q = toQuery(n);
        expect(fromQuery(q)).toEqual(n);
        expect(mend(q)).toBe(q);
      }),
      { numRuns: 1000 },
    );
  });
  it('never makes a text of what is unfinished that the server would take for more', () => {
    const value = [{ is: 'size' as const, bytes: 1n }];
    const size = { field: 'size', operator: '>', value };
    const unfinished = [
      { combinator: 'and', rules: [] },
      { combinator: 'and', rules: [size, { combinator: 'or', rules: [] }] },
      { combinator: 'or', rules: [size, { field: 'ext', operator: 'in', value: [] }] },
      { combinator: 'and', rules: [size, { field: 'name', operator: 'matches', value: [] }] },
      { combinator: 'and', not: true, rules: [] },
    ];
    for (const q of unfinished) expect(parseRule(printRule(fromQuery(q))).ok).toBe(false);
  });
  it('keeps what still fits when the operator changes, and nothing else', () => {
    const ext = { field: 'ext', operator: '=', value: [{ is: 'text' as const, text: 'mov', fold: true }] };
    const to = (change: object) =>
      printRule(fromQuery(mend({ combinator: 'and', rules: [{ ...ext, ...change }] })));
    expect(to({ operator: 'not in' })).toBe('ext not in (mov)');
    expect(to({ operator: 'like' })).toBe('ext like /mov/i');
    expect(to({ field: 'size', operator: '>=' })).toBe('size >= 10MB');
    expect(to({ field: 'size' })).toBe('size = 10MB');
    expect(to({ field: 'accessed' })).toBe('accessed = ');
    expect(to({ field: 'state' })).toBe('state = resident');
  });
});

describe('any text', () => {
  it('is understood or refused with a place inside of it', () => {
    const word = fc.constantFrom(
      ...FIELDS,
      'and',
      'or',
      'not',
      'in',
      'older',
      'than',
      'matches',
      'like',
      '(',
      ')',
      ',',
      '=',
      '>=',
      '10MB',
      '90d',
      'mov',
      '"x"',
      "'y'i",
      '/r/',
      '"',
      '/',
      '\\',
      'é',
      '%',
      '1.5',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 40 }),
          fc.array(word, { maxLength: 14 }).map((a) => a.join(' ')),
        ),
        (t) => {
          const p = parseRule(t);
          const size = new TextEncoder().encode(t).length;
          if (p.ok) {
            expect(canonical(printRule(p.node))).toBe(printRule(p.node));
          } else {
            expect(p.error.message).not.toBe('');
            expect(p.error.at + p.error.length).toBeLessThanOrEqual(size);
            const m = mark(t, p.error.at, p.error.length);
            expect((m.before + m.wrong + m.after).trimEnd()).toBe(t.trimEnd());
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('bytes', () => {
  it('become text and bytes again, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (b) => {
        expect([...bytesOf(textOf(b))]).toEqual([...b]);
      }),
      { numRuns: 2000 },
    );
  });
  it('are decoded as the browser decodes them', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).filter((s) => !/\p{Surrogate}/u.test(s)),
        (s) => {
          expect(textOf(new TextEncoder().encode(s))).toBe(s);
        },
      ),
    );
  });
});

describe('times', () => {
  it('become text and times again', () => {
    fc.assert(
      fc.property(time, (ns) => {
        const t = timeText(ns);
        expect(parseTime(t.length === 10 ? `${t}T00:00:00Z` : t)).toBe(ns);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('sizes for people', () => {
  it('mean the same bytes', () => {
    expect(sizeForPeople(1_610_612_736n)).toEqual(['1.5', 'GiB']);
    expect(sizeForPeople(2_500_000_000n)).toEqual(['2.5', 'GB']);
    expect(sizeForPeople(10_000_000n)).toEqual(['10', 'MB']);
    expect(sizeForPeople(0n)).toEqual(['0', 'B']);
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 63n) - 1n }), (bytes) => {
        const [n, unit] = sizeForPeople(bytes);
        expect(parseRule(`size = ${n}${unit}`)).toMatchObject({ ok: true, node: { values: [{ bytes }] } });
      }),
    );
  });
});

describe('limits', () => {
  const refusal = (t: string) => {
    const p = parseRule(t);
    return p.ok ? undefined : p.error.message;
  };
  it('are those of the server', () => {
    expect(refusal(`name = "${'x'.repeat(LIMITS.string)}"`)).toBeUndefined();
    expect(refusal(`name = "${'x'.repeat(LIMITS.string + 1)}"`)).toMatch(/longer than 4096 bytes/);
    expect(refusal(`size in (${Array(LIMITS.list).fill('1').join(',')})`)).toBeUndefined();
    expect(
      refusal(
        `size in (${Array(LIMITS.list + 1)
          .fill('1')
          .join(',')})`,
      ),
    ).toMatch(/more than 4096 items/);
    expect(
      refusal(
        Array(LIMITS.nodes - 1)
          .fill('true')
          .join(' or '),
      ),
    ).toBeUndefined();
    expect(refusal(Array(LIMITS.nodes).fill('true').join(' or '))).toMatch(/more than 4096 parts/);
    expect(refusal(Array(LIMITS.regexes).fill('name like /x/').join(' or '))).toBeUndefined();
    expect(
      refusal(
        Array(LIMITS.regexes + 1)
          .fill('name like /x/')
          .join(' or '),
      ),
    ).toMatch(/more than 32/);
    expect(refusal(`true${' '.repeat(LIMITS.text)}`)).toMatch(/longer than 65536 bytes/);
    expect(refusal(`${'('.repeat(64)}true${')'.repeat(64)}`)).toBeUndefined();
  });
});
