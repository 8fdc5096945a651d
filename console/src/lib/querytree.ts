// A rule's tree as react-querybuilder shows it, both ways. Every rule can be shown: groups carry `not`, a lone `not` is a group of one,
// and `true` and `false` are conditions of their own.
import type { RuleGroupType, RuleType } from 'react-querybuilder';
import {
  ATTRIBUTES,
  type Field,
  KIND,
  type Leaf,
  type Node,
  type Op,
  OPS,
  STATES,
  type Value,
} from './rulelang';

export const EVERY = 'every';
export type Query = RuleGroupType<RuleType<string, string, Value[]>>;
export type Condition = RuleType<string, string, Value[]>;

/** "not in" → in, negated. */
export function opOf(operator: string): { op: Op; negated: boolean } {
  if (operator === '!=') return { op: '=', negated: true };
  return operator.startsWith('not ')
    ? { op: operator.slice(4) as Op, negated: true }
    : { op: operator as Op, negated: false };
}

export function operatorOf(leaf: Pick<Leaf, 'op' | 'negated'>): string {
  return !leaf.negated ? leaf.op : leaf.op === '=' ? '!=' : `not ${leaf.op}`;
}

/** Every operator of a field by the builder's names, the usual one first. */
export function operatorsOf(field: string): string[] {
  if (field === EVERY) return ['='];
  const kind = KIND[field as Field];
  const all = OPS[kind].flatMap((op) =>
    ['=', 'in', 'matches', 'like'].includes(op) ? [op, operatorOf({ op, negated: true })] : [op],
  );
  const first = { text: 'in', size: '>=', time: 'older than', owner: 'in', attrs: '=', state: '=' }[kind];
  const usual = field === 'path' || field === 'name' ? 'matches' : first;
  return [usual, ...all.filter((o) => o !== usual)];
}

export const isList = (operator: string) => opOf(operator).op === 'in';

export function startValue(field: string, operator: string): Value[] {
  const { op } = opOf(operator);
  if (field === EVERY) return [{ is: 'word', word: 'true' }];
  if (op === 'older than' || op === 'newer than') return [{ is: 'age', count: 90, unit: 'd' }];
  if (op === 'like') return [{ is: 'regex', text: '', fold: true }];
  switch (KIND[field as Field]) {
    case 'size':
      return [{ is: 'size', bytes: 10_000_000n }];
    case 'attrs':
      return [{ is: 'word', word: ATTRIBUTES[7]! }];
    case 'state':
      return [{ is: 'word', word: STATES[0]! }];
    default:
      return [];
  }
}

/** What of a condition's values still means something after its field or operator was changed. */
export function fit(field: string, operator: string, values: Value[]): Value[] {
  if (field === EVERY) return values[0]?.is === 'word' ? [values[0]] : startValue(field, operator);
  const { op } = opOf(operator);
  const kind = KIND[field as Field];
  const text = (v: Value): Value[] =>
    v.is === 'text' || v.is === 'regex'
      ? [
          op === 'like'
            ? { is: 'regex', text: v.text, fold: v.fold }
            : { is: 'text', text: v.text, fold: field === 'ext' ? true : v.fold },
        ]
      : [];
  const one = (v: Value): Value[] => {
    if (op === 'older than' || op === 'newer than') return v.is === 'age' ? [v] : [];
    if (kind === 'size') return v.is === 'size' ? [v] : [];
    if (kind === 'time') return v.is === 'date' ? [v] : [];
    if (kind === 'attrs') return v.is === 'word' && ATTRIBUTES.includes(v.word) ? [v] : [];
    if (kind === 'state') return v.is === 'word' && STATES.includes(v.word) ? [v] : [];
    if (kind === 'owner' && v.is === 'uid' && (op === '=' || op === 'in')) return [v];
    return text(v);
  };
  const kept = values.flatMap(one);
  if (isList(operator)) return kept.length || values.length === 0 ? kept : startValue(field, operator);
  return kept.length ? kept.slice(0, 1) : startValue(field, operator);
}

export function toQuery(n: Node): Query {
  const of = (m: Node): Query | Condition => {
    switch (m.kind) {
      case 'leaf':
        return { field: m.field, operator: operatorOf(m), value: m.values };
      case 'const':
        return { field: EVERY, operator: '=', value: [{ is: 'word', word: String(m.truth) }] };
      case 'not':
        return m.part.kind === 'and' || m.part.kind === 'or'
          ? { combinator: m.part.kind, not: true, rules: m.part.parts.map(of) }
          : { combinator: 'and', not: true, rules: [of(m.part)] };
      default:
        return { combinator: m.kind, rules: m.parts.map(of) };
    }
  };
  const root = of(n);
  return 'rules' in root ? root : { combinator: 'and', rules: [root] };
}

const isGroup = (q: Query | Condition): q is Query => 'rules' in q;

/** The tree of what is built. A group of nothing and a condition without a value give a text that is refused where they stand, never one that means more. */
export function fromQuery(q: Query): Node {
  const of = (m: Query | Condition): Node => {
    if (!isGroup(m)) {
      if (m.field === EVERY) {
        const v = m.value[0];
        return { kind: 'const', truth: v?.is === 'word' && v.word === 'true' };
      }
      return { kind: 'leaf', field: m.field as Field, ...opOf(m.operator), values: m.value };
    }
    const parts = m.rules.map((r) => of(r as Query | Condition));
    const whole: Node =
      parts.length === 1 ? parts[0]! : { kind: m.combinator === 'or' ? 'or' : 'and', parts };
    return m.not ? { kind: 'not', part: whole } : whole;
  };
  return of(q);
}

/** Conditions whose values no longer fit are mended; anything else is left as it is, by identity. */
export function mend(q: Query): Query {
  let changed = false;
  const rules = q.rules.map((r) => {
    const m = r as Query | Condition;
    if (isGroup(m)) {
      const next = mend(m);
      changed ||= next !== m;
      return next;
    }
    const operators = operatorsOf(m.field);
    const operator = operators.includes(m.operator) ? m.operator : operators[0]!;
    const value = fit(m.field, operator, Array.isArray(m.value) ? m.value : []);
    const same =
      operator === m.operator &&
      Array.isArray(m.value) &&
      value.length === m.value.length &&
      value.every((v, i) => v === m.value[i] || equal(v, m.value[i]!));
    if (same) return m;
    changed = true;
    return { ...m, operator, value };
  });
  return changed ? { ...q, rules } : q;
}

function equal(a: Value, b: Value): boolean {
  const flat = (v: Value) => JSON.stringify(v, (_, x: unknown) => (typeof x === 'bigint' ? String(x) : x));
  return flat(a) === flat(b);
}
