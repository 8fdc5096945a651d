// A number with its unit, and sizes as the rule language writes them.
import { InputNumber, Select, Space } from 'antd';
import { useState } from 'react';
import { count } from '../lib/format';
import { parseRule, SIZE_UNITS, sizeForPeople, type SizeUnit, type Value } from '../lib/rulelang';

/** A number in a unit: what is typed stays as it is typed while it means what the rule has. */
export function Unit<U extends string>({
  number,
  unit,
  units,
  read,
  set,
  disabled,
  what,
  whole,
  optional,
  placeholder,
}: {
  number: string;
  unit: U;
  units: { value: U; label: string }[];
  read: (number: string, unit: U) => Value | undefined;
  set: (values: Value[]) => void;
  disabled?: boolean;
  /** What it is called, and what its unit is. */
  what: [number: string, unit: string];
  whole?: boolean;
  /** Nothing typed is an answer too. */
  optional?: boolean;
  placeholder?: string;
}) {
  const [typed, setTyped] = useState({ number, unit });
  const key = (n: string, u: U) => {
    const v = n === '' ? undefined : read(n, u);
    return v === undefined
      ? ''
      : JSON.stringify(v, (_, x: unknown) => (typeof x === 'bigint' ? String(x) : x));
  };
  const told = key(number, unit);
  const shown = key(typed.number, typed.unit) === told ? typed : { number, unit };
  const change = (next: { number: string; unit: U }) => {
    setTyped(next);
    const v = next.number === '' ? undefined : read(next.number, next.unit);
    set(v ? [v] : []);
  };
  return (
    <Space.Compact className="unit">
      <InputNumber<string>
        stringMode
        aria-label={what[0]}
        min="0"
        precision={whole ? 0 : undefined}
        disabled={disabled}
        value={shown.number}
        status={shown.number === '' && !optional ? 'error' : ''}
        placeholder={placeholder}
        onChange={(n) => change({ ...shown, number: n === null ? '' : String(n) })}
      />
      <Select<U>
        aria-label={what[1]}
        disabled={disabled}
        value={shown.unit}
        options={units}
        popupMatchSelectWidth={false}
        onChange={(u) => change({ ...shown, unit: u })}
      />
    </Space.Compact>
  );
}

/** For a number of things: whole, with separators while it is not typed. */
export const WHOLE = {
  precision: 0,
  formatter: (
    n: number | string | undefined,
    { userTyping, input }: { userTyping: boolean; input: string },
  ) => (userTyping ? input : n === undefined || n === '' ? '' : count(Number(n))),
  // As text, so that nothing typed stays nothing.
  parser: (text: string | undefined) => (text ?? '').replace(/[^\d.-]/g, '') as unknown as number,
};

export const readSize = (text: string): Value | undefined => {
  const p = parseRule(`size = ${text}`);
  return p.ok && p.node.kind === 'leaf' ? p.node.values[0] : undefined;
};

export const SIZE_CHOICES = [...SIZE_UNITS].reverse().map(([name]) => ({ value: name, label: name }));

/** A size of a form, in bytes. */
export function SizeField({
  value,
  onChange,
  disabled,
  what,
  placeholder,
}: {
  id?: string;
  value?: number | null;
  onChange?: (bytes: number | null) => void;
  disabled?: boolean;
  what: [number: string, unit: string];
  placeholder?: string;
}) {
  const [n, unit] = value ? sizeForPeople(BigInt(value)) : ['', 'GB' as SizeUnit];
  return (
    <Unit<SizeUnit>
      what={what}
      optional
      placeholder={placeholder}
      number={String(n)}
      unit={unit}
      units={SIZE_CHOICES}
      read={(a, u) => readSize(`${a}${u}`)}
      disabled={disabled}
      set={([v]) => onChange?.(v?.is === 'size' && v.bytes > 0n ? Number(v.bytes) : null)}
    />
  );
}
