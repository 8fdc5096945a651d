// Parts that every room is made of.
import { EllipsisOutlined } from '@ant-design/icons';
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { Button, Card, Dropdown, Input, Skeleton, Space } from 'antd';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { ApiFailure } from '../api/client';
import { useFinger } from '../lib/prefs';
import { useGo } from '../lib/session';
import { Failed, LOCAL, Nothing, Page } from './basics';
import { Dialog } from './dialog';

export * from './basics';

const named = () => ({ volume: t`volume`, import: t`import`, job: t`job`, rule: t`rule` });
const deleting = () => ({
  customer: t`Delete customer`,
  host: t`Delete host`,
  import: t`Delete import`,
  rule: t`Delete rule`,
  share: t`Delete share`,
  user: t`Delete user`,
  volume: t`Delete volume`,
});

/** A room whose noun is on its way or did not come; where there is none, with the way to the list of its kind. */
export function Coming({
  title,
  what,
  of,
  list,
}: {
  title: string;
  what: keyof ReturnType<typeof named>;
  of: { error: unknown; refetch: () => unknown };
  list: { path: string; name: string };
}) {
  const go = useGo();
  const name = named()[what];
  const none = of.error instanceof ApiFailure && of.error.status === 404;
  return (
    <Page title={title}>
      {none ? (
        <Card>
          <Nothing
            title={t`There is no such ${name}`}
            text={t`It was deleted, or its address is wrong.`}
            action={
              <Button type="primary" onClick={() => go(list.path)}>
                {list.name}
              </Button>
            }
          />
        </Card>
      ) : of.error ? (
        <Failed error={of.error} retry={() => void of.refetch()} />
      ) : (
        <Card aria-busy="true" role="status" aria-label={t`Loading the ${name}`}>
          <Skeleton active />
        </Card>
      )}
    </Page>
  );
}

/** What can be done with one row: the usual act as a button, all others in a menu. */
export function Actions({
  of,
  main,
  items,
}: {
  of: string;
  main?: ReactNode;
  items: { label: string; danger?: boolean; disabled?: boolean; act: () => void }[];
}) {
  const trigger = useRef<HTMLButtonElement>(null);
  // The focus must be on something that stays when the menu goes: a dialog gives it back there.
  const run = (act: () => void) => {
    trigger.current?.focus();
    act();
  };
  return (
    <Space size={4}>
      {main}
      {items.length > 0 && (
        <Dropdown
          trigger={['click']}
          placement="bottomRight"
          menu={{
            items: items.map((i) => ({
              key: i.label,
              label: i.label,
              danger: i.danger,
              disabled: i.disabled,
              onClick: () => run(i.act),
            })),
          }}
        >
          <Button
            ref={trigger}
            size="small"
            type="text"
            aria-label={t`More for ${of}`}
            icon={<EllipsisOutlined />}
          />
        </Dropdown>
      )}
    </Space>
  );
}

/** Deletion that cannot be undone: the name is typed first. */
export function ConfirmName({
  name,
  what,
  text,
  open,
  busy,
  error,
  onOk,
  onClose,
}: {
  name: string;
  what: keyof ReturnType<typeof deleting>;
  text: ReactNode;
  open: boolean;
  busy: boolean;
  error?: unknown;
  onOk: () => void;
  onClose: () => void;
}) {
  const [typed, setTyped] = useState('');
  return (
    <Dialog
      open={open}
      title={deleting()[what]}
      okText={t`Delete`}
      okButtonProps={{ danger: true, disabled: typed !== name, loading: busy }}
      onOk={onOk}
      onCancel={onClose}
      afterClose={() => setTyped('')}
    >
      {error ? <Failed error={error} /> : null}
      <p>{text}</p>
      <label>
        <Trans>
          Type <b>{name}</b> to confirm
        </Trans>
        <Input
          autoFocus
          value={typed}
          onChange={(e) => setTyped(e.target.value)}
          onPressEnter={() => typed === name && onOk()}
          style={{ marginTop: 6 }}
          aria-label={t`Type ${name} to confirm`}
        />
      </label>
    </Dialog>
  );
}

export function Bars({
  rows,
  color = LOCAL,
}: {
  /** What `more` says has the whole width, below name and text. */
  rows: { name: ReactNode; key: string; value: number; text: string; more?: ReactNode }[];
  color?: string;
}) {
  const most = Math.max(1, ...rows.map((r) => r.value));
  return (
    <div className="bars">
      {rows.map((r) => (
        <div className="row" key={r.key}>
          <span>{r.name}</span>
          <span className="num">{r.text}</span>
          {r.more && <div className="more sub">{r.more}</div>}
          <div className="line">
            <i style={{ width: `${(100 * r.value) / most}%`, background: color }} />
          </div>
        </div>
      ))}
    </div>
  );
}

export function Search({
  value,
  onChange,
  label = t`Search`,
}: {
  value: string;
  onChange: (text: string) => void;
  label?: string;
}) {
  const [text, setText] = useState(value);
  const finger = useFinger();
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return undefined;
    const wait = setTimeout(() => onChange(text), 300);
    return () => clearTimeout(wait);
  }, [text, value, onChange]);
  return (
    <Input.Search
      allowClear
      data-search=""
      placeholder={finger ? label : `${label}  ( / )`}
      aria-label={label}
      value={text}
      onChange={(e) => setText(e.target.value)}
      onSearch={onChange}
      // As wide as what it says, with the key and the button.
      style={{ width: Math.max(240, 8 * label.length + 110), maxWidth: '100%' }}
    />
  );
}
