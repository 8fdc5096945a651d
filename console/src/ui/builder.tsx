// The query builder beside a rule's text. A file of its own, since react-querybuilder is loaded only where a rule is edited.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { CloseOutlined, PlusOutlined } from '@ant-design/icons';
import { Alert, Button, Input, Segmented, Select, Space, Tooltip } from 'antd';
import { useEffect, useMemo, useRef, useState } from 'react';
import {
  type ActionProps,
  type CombinatorSelectorProps,
  type Field as BuilderField,
  type NotToggleProps,
  QueryBuilder,
  type ValueEditorProps,
  type VersatileSelectorProps,
} from 'react-querybuilder';
import {
  EVERY,
  fromQuery,
  isList,
  mend,
  opOf,
  operatorsOf,
  type Query,
  startValue,
  toQuery,
} from '../lib/querytree';
import { readSize, SIZE_CHOICES, Unit } from './unit';
import {
  type AgeUnit,
  ATTRIBUTES,
  checkGlob,
  checkText,
  type Field,
  FIELDS,
  KIND,
  type Node,
  parseRule,
  parseTime,
  printRule,
  printValue,
  sizeForPeople,
  type SizeUnit,
  STATES,
  timeText,
  type Value,
} from '../lib/rulelang';

/** More conditions than this are a burden to look at and to draw: then the text alone is shown. */
const SHOWN_MAX = 200;

const LABELS = (): Record<string, string> => ({
  name: t`File name`,
  path: t`Path`,
  ext: t`Extension`,
  size: t`Size`,
  accessed: t`Last accessed`,
  modified: t`Last modified`,
  created: t`Created`,
  owner: t`Owner`,
  attributes: t`Attribute`,
  state: t`State`,
  [EVERY]: t`Every file`,
});
const fields = (): BuilderField[] => [...FIELDS, EVERY].map((name) => ({ name, label: LABELS()[name]! }));

const WORDS = (): Record<string, string> => ({
  '=': t`is`,
  '!=': t`is not`,
  '<': t`is less than`,
  '<=': t`is at most`,
  '>': t`is more than`,
  '>=': t`is at least`,
  in: t`is one of`,
  'not in': t`is none of`,
  matches: t`fits the pattern`,
  'not matches': t`does not fit the pattern`,
  like: t`matches the regex`,
  'not like': t`does not match the regex`,
  'older than': t`longer ago than`,
  'newer than': t`within the last`,
});
const TIME_WORDS = (): Record<string, string> => ({
  '=': t`exactly at`,
  '!=': t`not exactly at`,
  '<': t`before`,
  '<=': t`at or before`,
  '>': t`after`,
  '>=': t`at or after`,
});

function labelOf(field: string, operator: string): string {
  if (field === EVERY) return t`is meant`;
  if (KIND[field as Field] === 'time' && TIME_WORDS()[operator]) return TIME_WORDS()[operator]!;
  if (field === 'attributes' && (operator === '=' || operator === '!='))
    return operator === '=' ? t`is set` : t`is not set`;
  if (field === 'attributes') return operator === 'in' ? t`one is set of` : t`none is set of`;
  return WORDS()[operator] ?? operator;
}

// ---- value editors ----

interface Editing {
  values: Value[];
  set: (values: Value[]) => void;
  field: Field;
  operator: string;
  disabled?: boolean;
}

function SizeOne({ values, set, disabled }: Editing) {
  const v = values[0];
  const [n, unit] = v?.is === 'size' ? sizeForPeople(v.bytes) : ['', 'MB' as SizeUnit];
  return (
    <Unit<SizeUnit>
      what={[t`Size`, t`Unit of the size`]}
      number={String(n)}
      unit={unit}
      units={SIZE_CHOICES}
      read={(a, u) => readSize(`${a}${u}`)}
      set={set}
      disabled={disabled}
    />
  );
}

const AGES = (): { value: AgeUnit; label: string }[] => [
  { value: 'h', label: t`hours` },
  { value: 'd', label: t`days` },
  { value: 'w', label: t`weeks` },
  { value: 'mo', label: t`months of 30 days` },
  { value: 'y', label: t`years of 365 days` },
];

function AgeOne({ values, set, disabled }: Editing) {
  const v = values[0];
  return (
    <Unit<AgeUnit>
      what={[t`Age`, t`Unit of the age`]}
      whole
      number={v?.is === 'age' ? String(v.count) : ''}
      unit={v?.is === 'age' ? v.unit : 'd'}
      units={AGES()}
      read={(n, u) => {
        const p = parseRule(`accessed older than ${n}${u}`);
        return p.ok && p.node.kind === 'leaf' ? p.node.values[0] : undefined;
      }}
      set={set}
      disabled={disabled}
    />
  );
}

function DateOne({ values, set, disabled }: Editing) {
  const v = values[0];
  const text = v?.is === 'date' ? timeText(v.ns) : '';
  const day = text.slice(0, 10);
  const time = text.slice(11).replace('Z', '');
  const put = (d: string, t: string) => {
    const ns = d ? parseTime(`${d}T${t.length === 5 ? `${t}:00` : t || '00:00:00'}Z`) : undefined;
    set(ns === undefined ? [] : [{ is: 'date', ns }]);
  };
  return (
    <Space wrap size={6}>
      <Input
        type="date"
        aria-label={t`Date`}
        style={{ width: 150 }}
        min="1678-01-01"
        max="2261-12-31"
        disabled={disabled}
        status={day ? '' : 'error'}
        value={day}
        onChange={(e) => put(e.target.value, time)}
      />
      <Input
        type="time"
        step="1"
        aria-label={t`Time of day, UTC`}
        style={{ width: 130 }}
        disabled={disabled || !day}
        value={time.slice(0, 8)}
        suffix={
          <span className="sub">
            <Trans>UTC</Trans>
          </span>
        }
        onChange={(e) => put(day, e.target.value)}
      />
    </Space>
  );
}

function Case({ fold, set, disabled }: { fold: boolean; set: (fold: boolean) => void; disabled?: boolean }) {
  return (
    <Tooltip title={fold ? t`Upper and lower case are alike` : t`Upper and lower case differ`}>
      <Button
        aria-label={t`Upper and lower case are alike`}
        aria-pressed={fold}
        disabled={disabled}
        type={fold ? 'primary' : 'default'}
        ghost={fold}
        onClick={() => set(!fold)}
      >
        <Trans>Aa</Trans>
      </Button>
    </Tooltip>
  );
}

const HINTS: Partial<Record<Field, string>> = {
  path: '/Active/**',
  name: '*.tmp',
  ext: 'm*',
  owner: 'svc-*',
};

function TextOne({ values, set, field, operator, disabled }: Editing) {
  const v = values[0];
  const { op } = opOf(operator);
  const regex = op === 'like';
  const uid = v?.is === 'uid';
  const text = v?.is === 'text' || v?.is === 'regex' ? v.text : v?.is === 'uid' ? String(v.uid) : '';
  const fold = v?.is === 'text' || v?.is === 'regex' ? v.fold : field === 'ext';
  const wrong = regex
    ? undefined
    : op === 'matches'
      ? checkGlob(field, text)
      : v
        ? checkText(field, text)
        : undefined;
  const put = (t: string, f: boolean) => {
    if (regex) set([{ is: 'regex', text: t, fold: f }]);
    else if (field === 'owner' && op === '=' && /^\d{1,10}$/.test(t) && Number(t) <= 0xffff_ffff)
      set([{ is: 'uid', uid: Number(t) }]);
    // Letters are kept as they are typed: the rule's text folds them.
    else set([{ is: 'text', text: t, fold: f }]);
  };
  const hint = regex
    ? '^img_\\d+'
    : op === 'matches'
      ? HINTS[field]
      : field === 'path'
        ? '/projects/old.mov'
        : '';
  return (
    <div className="textone">
      <Space.Compact style={{ width: '100%' }}>
        {regex && <Space.Addon>/</Space.Addon>}
        <Input
          className="mono"
          aria-label={regex ? t`Regular expression` : op === 'matches' ? t`Pattern` : t`Value`}
          aria-invalid={!!wrong}
          spellCheck={false}
          autoComplete="off"
          disabled={disabled}
          status={wrong || (!v && field !== 'ext') ? 'error' : ''}
          value={text}
          placeholder={hint}
          onChange={(e) => put(e.target.value, fold)}
        />
        {regex && <Space.Addon>/</Space.Addon>}
        {(field !== 'ext' || regex) && !uid && (
          <Case fold={fold} disabled={disabled} set={(f) => put(text, f)} />
        )}
      </Space.Compact>
      {wrong && text !== '' && <div className="sub wrong">{wrong.message}</div>}
      {op === 'matches' && !wrong && field === 'path' && (
        <div className="sub">
          {text.startsWith('/')
            ? t`from the volume’s root`
            : text
              ? t`at any depth`
              : t`* any characters, ** folders too`}
        </div>
      )}
    </div>
  );
}

const KNOWN: Partial<Record<Field, string[]>> = {
  ext: [
    'mov',
    'mxf',
    'mp4',
    'wav',
    'jpg',
    'tif',
    'psd',
    'pdf',
    'docx',
    'xlsx',
    'zip',
    'iso',
    'bak',
    'log',
    'vmdk',
  ],
};

/** One item of a list as somebody types it. */
function itemOf(field: Field, text: string): Value | undefined {
  const t = text.trim();
  if (KIND[field] === 'size') return readSize(t);
  if (field === 'owner' && /^\d+$/.test(t) && Number(t) <= 0xffff_ffff) return { is: 'uid', uid: Number(t) };
  const plain = field === 'ext' ? t.replace(/^\*?\./, '').toLowerCase() : t;
  if (plain === '' || checkText(field, plain)) return undefined;
  return { is: 'text', text: plain, fold: field === 'ext' };
}

function ListOf({ values, set, field, operator, disabled }: Editing) {
  const [wrong, setWrong] = useState('');
  const leaf = { kind: 'leaf' as const, field, ...opOf(operator), values };
  const print = (v: Value) => printValue(leaf, v);
  const human = (v: Value) =>
    v.is === 'text'
      ? `${v.text === '' ? t`(none)` : v.text}${v.fold && field !== 'ext' ? ' (Aa)' : ''}`
      : print(v);
  const why = checkText(field, wrong)?.message ?? t`a size is written 4096, 10MB or 1.5GiB`;
  const named = field === 'attributes' || field === 'state';
  const words = field === 'attributes' ? ATTRIBUTES : STATES;
  const known = new Map(values.map((v) => [print(v), v]));
  const options = named
    ? words.map((w) => ({ value: w, label: w }))
    : [
        ...[...known].map(([value, v]) => ({ value, label: human(v) })),
        ...(KNOWN[field] ?? []).filter((w) => !known.has(w)).map((w) => ({ value: w, label: w })),
      ];
  return (
    <div className="textone">
      <Select<string[]>
        mode={named ? 'multiple' : 'tags'}
        aria-label={t`Values`}
        style={{ width: '100%' }}
        disabled={disabled}
        status={values.length === 0 || wrong ? 'error' : ''}
        value={values.map(print)}
        options={options}
        maxTagCount={40}
        tokenSeparators={field === 'ext' || KIND[field] === 'size' ? [',', ' ', ';', '\n'] : [',', '\n']}
        placeholder={
          field === 'ext' ? 'mov, mxf, wav' : KIND[field] === 'size' ? '0, 1KiB' : t`type, then Enter`
        }
        onChange={(list) => {
          const next: Value[] = [];
          let bad = '';
          for (const text of list) {
            const v = known.get(text) ?? (named ? { is: 'word' as const, word: text } : itemOf(field, text));
            if (!v) bad = text;
            else if (!next.some((x) => print(x) === print(v))) next.push(v);
          }
          setWrong(bad);
          set(next);
        }}
      />
      {wrong && (
        <div className="sub wrong" role="alert">
          <Trans>
            “{wrong}” is none: {why}
          </Trans>
        </div>
      )}
    </div>
  );
}

function ValueEditor(props: ValueEditorProps) {
  const { field, operator, handleOnChange, disabled } = props;
  const values = (Array.isArray(props.value) ? props.value : []) as Value[];
  const set = (next: Value[]) => handleOnChange(next);
  const same = { values, set, field: field as Field, operator, disabled };
  if (field === EVERY) {
    const v = values[0];
    return (
      <Segmented
        aria-label={t`Every file or none`}
        disabled={disabled}
        value={v?.is === 'word' ? v.word : 'true'}
        options={[
          { value: 'true', label: t`yes` },
          { value: 'false', label: t`no file` },
        ]}
        onChange={(word) => set([{ is: 'word', word: String(word) }])}
      />
    );
  }
  const { op } = opOf(operator);
  const kind = KIND[field as Field];
  if (isList(operator)) return <ListOf {...same} />;
  if (op === 'older than' || op === 'newer than') return <AgeOne {...same} />;
  if (kind === 'size') return <SizeOne {...same} />;
  if (kind === 'time') return <DateOne {...same} />;
  if (kind === 'attrs' || kind === 'state') {
    const v = values[0];
    return (
      <Select
        aria-label={kind === 'attrs' ? t`Attribute` : t`State`}
        style={{ minWidth: 140 }}
        disabled={disabled}
        value={v?.is === 'word' ? v.word : undefined}
        options={(kind === 'attrs' ? ATTRIBUTES : STATES).map((w) => ({ value: w, label: w }))}
        onChange={(word: string) => set([{ is: 'word', word }])}
      />
    );
  }
  return <TextOne {...same} />;
}

// ---- what the builder is made of ----

function Selector({ options, value, handleOnChange, title, disabled, className }: VersatileSelectorProps) {
  return (
    <Select
      className={className}
      aria-label={title}
      disabled={disabled}
      popupMatchSelectWidth={false}
      value={value}
      options={(options as { name: string; label: string }[]).map((o) => ({ value: o.name, label: o.label }))}
      onChange={(v: string) => handleOnChange(v)}
    />
  );
}

function Combinator({ value, handleOnChange, disabled }: CombinatorSelectorProps) {
  return (
    <Segmented
      size="small"
      aria-label={t`All or any of the conditions`}
      disabled={disabled}
      value={value}
      options={[
        { value: 'and', label: t`all of` },
        { value: 'or', label: t`any of` },
      ]}
      onChange={(v) => handleOnChange(String(v))}
    />
  );
}

function Not({ checked, handleOnChange, disabled }: NotToggleProps) {
  // Who may only look must see it all the same.
  if (disabled)
    return checked ? (
      <span className="tag bad">
        <Trans>not</Trans>
      </span>
    ) : null;
  return (
    <Button
      size="small"
      aria-pressed={!!checked}
      type={checked ? 'primary' : 'default'}
      danger={!!checked}
      ghost={!!checked}
      onClick={() => handleOnChange(!checked)}
    >
      <Trans>not</Trans>
    </Button>
  );
}

const adder = (text: () => string) =>
  function Add({ handleOnClick, disabled }: ActionProps) {
    if (disabled) return null;
    return (
      <Button size="small" type="text" icon={<PlusOutlined />} onClick={(e) => handleOnClick(e)}>
        {text()}
      </Button>
    );
  };
const remover = (text: () => string) =>
  function Remove({ handleOnClick, disabled }: ActionProps) {
    if (disabled) return null;
    return (
      <Button
        size="small"
        type="text"
        aria-label={text()}
        icon={<CloseOutlined />}
        onClick={(e) => handleOnClick(e)}
      />
    );
  };
const CONTROLS = {
  addRuleAction: adder(() => t`Condition`),
  addGroupAction: adder(() => t`Group`),
  removeRuleAction: remover(() => t`Remove the condition`),
  removeGroupAction: remover(() => t`Remove the group`),
  fieldSelector: Selector,
  operatorSelector: Selector,
  combinatorSelector: Combinator,
  notToggle: Not,
  valueEditor: ValueEditor,
  dragHandle: null,
};
const TRANSLATIONS = () => ({
  fields: { title: t`Field` },
  operators: { title: t`Comparison` },
  value: { title: t`Value` },
});

function conditions(n: Node): number {
  if (n.kind === 'and' || n.kind === 'or') return n.parts.reduce((sum, part) => sum + conditions(part), 0);
  return n.kind === 'not' ? conditions(n.part) : 1;
}

export default function Builder({
  text,
  onText,
  disabled,
}: {
  text: string;
  onText: (text: string) => void;
  disabled?: boolean;
}) {
  const parsed = useMemo(() => parseRule(text), [text]);
  const [query, setQuery] = useState<Query>(() =>
    parsed.ok ? toQuery(parsed.node) : { combinator: 'and', rules: [] },
  );
  const mine = useRef(printRule(fromQuery(query)));
  const many = parsed.ok ? conditions(parsed.node) : 0;
  useEffect(() => {
    // What was typed as text is taken over; what was built here stays as it is built.
    if (!parsed.ok || many > SHOWN_MAX) return;
    const printed = printRule(parsed.node);
    if (printed === mine.current) return;
    mine.current = printed;
    setQuery(toQuery(parsed.node));
  }, [parsed, many]);
  if (many > SHOWN_MAX)
    return (
      <Alert
        type="info"
        showIcon
        title={t`This rule has ${many} conditions`}
        description={t`That many are easier to read as text: it is edited there alone.`}
      />
    );
  const own = text === mine.current;
  const stale = !parsed.ok && !own;
  return (
    <div className="builder">
      {stale && (
        <div className="sub" role="status" style={{ marginBottom: 8 }}>
          <Trans>
            The text has a mistake: this is how it was understood before. Change anything here to go back to
            it.
          </Trans>
        </div>
      )}
      <QueryBuilder
        fields={fields()}
        query={query as never}
        disabled={disabled}
        controlElements={CONTROLS as never}
        translations={TRANSLATIONS()}
        showNotToggle
        addRuleToNewGroups
        resetOnFieldChange={false}
        getOperators={(field: string) =>
          operatorsOf(field).map((name) => ({ name, label: labelOf(field, name) }))
        }
        getDefaultField="size"
        getDefaultOperator={(field: string) => operatorsOf(field)[0]!}
        getDefaultValue={(rule: { field: string; operator: string }) =>
          startValue(rule.field, rule.operator) as never
        }
        accessibleDescriptionGenerator={({ path }: { path: number[] }) =>
          path.length === 0 ? t`Conditions` : t`Group ${path.map((n) => n + 1).join('.')}`
        }
        onQueryChange={(changed: unknown) => {
          const next = mend(changed as Query);
          setQuery(next);
          const printed = printRule(fromQuery(next));
          if (printed === mine.current) return;
          mine.current = printed;
          onText(printed);
        }}
      />
    </div>
  );
}
