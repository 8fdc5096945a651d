// Parts that every room is made of.
import { CheckOutlined, CopyOutlined, EllipsisOutlined, ReloadOutlined } from '@ant-design/icons';
import { Alert, App, Button, Card, Dropdown, Input, Progress, Skeleton, Space, Spin, Tooltip } from 'antd';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { Link } from 'react-router';
import { ApiFailure, type Job, sayFailure } from '../api/client';
import { bytes, count, counted, percent, words } from '../lib/format';
import { useFinger } from '../lib/prefs';
import { useGo, useTo } from '../lib/session';
import { Dialog } from './dialog';

export { When } from './time';

export const LOCAL = '#3b82c4';
export const TIERED = '#2fa37c';
export const WARN = '#d9822b';

export const Waiting = () => (
  <div style={{ display: 'grid', placeItems: 'center', minHeight: 300 }} role="status" aria-label="Loading">
    <Spin />
  </div>
);

export function Page({
  title,
  text,
  actions,
  children,
}: {
  title: ReactNode;
  text?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  useEffect(() => {
    if (typeof title === 'string') document.title = `${title} · Alto`;
  }, [title]);
  return (
    <div className="page">
      <div className="head">
        <div>
          <h1>{title}</h1>
          {text && <p>{text}</p>}
        </div>
        {actions && (
          <div className="bar" style={{ marginBottom: 0 }}>
            {actions}
          </div>
        )}
      </div>
      {children}
    </div>
  );
}

export function Size({ n }: { n: number | null | undefined }) {
  return (
    <span className="num" title={n === null || n === undefined ? 'not known' : `${count(n)} bytes`}>
      {bytes(n)}
    </span>
  );
}

export function Command({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [done, setDone] = useState(false);
  const { message } = App.useApp();
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
      setTimeout(() => setDone(false), 2000);
    } catch {
      message.info('The browser does not allow copying here: select the text and copy it yourself.');
    }
  };
  return (
    <div className="cmd">
      <code>{text}</code>
      <Button
        size="small"
        type="text"
        aria-label={label}
        icon={done ? <CheckOutlined /> : <CopyOutlined />}
        onClick={() => void copy()}
      />
    </div>
  );
}

export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = error instanceof ApiFailure ? error.problem : undefined;
  if (problem?.status === 403)
    return (
      <Alert
        type="warning"
        showIcon
        role="alert"
        title="You may not see this"
        style={{ marginBottom: 16 }}
        description={
          <>
            {problem.detail && <div>{problem.detail}</div>}
            Ask an administrator of your customer, or log in as somebody who may.
            <div className="sub mono" style={{ marginTop: 4 }}>
              403 · {problem.code}
            </div>
          </>
        }
      />
    );
  return (
    <Alert
      type="error"
      showIcon
      role="alert"
      title={problem?.title ?? 'This could not be loaded'}
      style={{ marginBottom: 16 }}
      description={
        <>
          {sayFailure(error)}
          {problem && (
            <div className="sub mono" style={{ marginTop: 4 }}>
              {problem.status > 0 && `${problem.status} · `}
              {problem.code}
              {problem.pointer && ` · ${problem.pointer}`}
            </div>
          )}
        </>
      }
      action={
        retry && (
          <Button size="small" icon={<ReloadOutlined />} onClick={retry}>
            Try again
          </Button>
        )
      }
    />
  );
}

/** A room whose noun is on its way or did not come; where there is none, with the way to the list of its kind. */
export function Coming({
  title,
  what,
  of,
  list,
}: {
  title: string;
  what: string;
  of: { error: unknown; refetch: () => unknown };
  list: { path: string; name: string };
}) {
  const go = useGo();
  const none = of.error instanceof ApiFailure && of.error.status === 404;
  return (
    <Page title={title}>
      {none ? (
        <Card>
          <Nothing
            title={`There is no such ${what}`}
            text="It was deleted, or its address is wrong."
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
        <Card aria-busy="true" role="status" aria-label={`Loading the ${what}`}>
          <Skeleton active />
        </Card>
      )}
    </Page>
  );
}

export function Nothing({
  icon,
  title,
  text,
  action,
  command,
}: {
  icon?: ReactNode;
  title: string;
  text: ReactNode;
  action?: ReactNode;
  command?: string;
}) {
  return (
    <div className="emptybox">
      {icon && (
        <div aria-hidden="true" style={{ fontSize: 34, opacity: 0.45 }}>
          {icon}
        </div>
      )}
      <h2>{title}</h2>
      <p>{text}</p>
      {action}
      {command && (
        <div style={{ marginTop: 18 }}>
          <span className="sub">or on the command line</span>
          <Command text={command} />
        </div>
      )}
    </div>
  );
}

const KINDS: Record<string, string> = {
  online: 'good',
  live: 'good',
  silent: 'warn',
  stale: 'warn',
  incomplete: 'warn',
  denied: 'bad',
  absent: 'bad',
  behind: 'warn',
  ok: 'good',
  done: 'good',
  stub: 'stub',
  archived: 'stub',
  running: 'busy',
  uploading: 'busy',
  ready: 'warn',
  paused: 'warn',
  tiering: 'busy',
  recalling: 'busy',
  adopting: 'busy',
  offline: 'bad',
  unreachable: 'bad',
  failed: 'bad',
  error: 'bad',
  wrong_password: 'bad',
  foreign: 'bad',
  full: 'warn',
  read_only: 'warn',
  suspended: 'warn',
  tracked_only: 'warn',
  unmarked: 'warn',
  pinned: 'pin',
  pin: 'pin',
};

export function State({ of, text }: { of: string; text?: string }) {
  const tag = <span className={`tag ${KINDS[of] ?? ''}`}>{words(of)}</span>;
  return text ? <Tooltip title={text}>{tag}</Tooltip> : tag;
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
            aria-label={`More for ${of}`}
            icon={<EllipsisOutlined />}
          />
        </Dropdown>
      )}
    </Space>
  );
}

/** What lies here and what lies on the share. */
export function Split({ total, tiered }: { total: number; tiered: number }) {
  const share = total > 0 ? Math.min(100, (100 * tiered) / total) : 0;
  return (
    <div role="img" aria-label={`${bytes(total - tiered)} local, ${bytes(tiered)} tiered`}>
      <div className="split">
        <i style={{ width: `${total > 0 ? 100 - share : 0}%`, background: LOCAL }} />
        <i style={{ width: `${share}%`, background: TIERED }} />
      </div>
      <div className="legend">
        <span>
          <span className="dot" style={{ background: LOCAL }} />
          {bytes(total - tiered)} local
        </span>
        <span>
          <span className="dot" style={{ background: TIERED }} />
          {bytes(tiered)} tiered ({percent(tiered, total)})
        </span>
      </div>
    </div>
  );
}

export function JobBar({ job }: { job: Job }) {
  const seen = job.done_files + job.refused_files + job.failed_files;
  const over = job.state === 'done' || job.state === 'failed' || job.state === 'cancelled';
  const known = job.total_files > 0;
  const at = known ? Math.min(100, Math.floor((100 * seen) / job.total_files)) : over ? 100 : 0;
  return (
    <div style={{ minWidth: 150 }}>
      <Progress
        aria-label="Progress of the job"
        percent={job.state === 'done' ? 100 : at}
        size="small"
        showInfo={known || over}
        status={
          job.state === 'failed'
            ? 'exception'
            : job.state === 'running'
              ? 'active'
              : job.state === 'done'
                ? 'success'
                : 'normal'
        }
      />
      <span className="sub num">
        {known ? `${count(seen)} of ` : ''}
        {job.kind !== 'check_share' &&
          counted(known ? job.total_files : seen, job.kind === 'reconcile' ? 'marker' : 'file')}
        {job.done_bytes > 0 ? ` · ${bytes(job.done_bytes)}` : ''}
      </span>
    </div>
  );
}

export function To({
  path,
  more,
  children,
}: {
  path: string;
  more?: Record<string, string | undefined>;
  children: ReactNode;
}) {
  const to = useTo();
  return <Link to={to(path, more)}>{children}</Link>;
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
  what: string;
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
      title={`Delete ${what}`}
      okText="Delete"
      okButtonProps={{ danger: true, disabled: typed !== name, loading: busy }}
      onOk={onOk}
      onCancel={onClose}
      afterClose={() => setTyped('')}
    >
      {error ? <Failed error={error} /> : null}
      <p>{text}</p>
      <label>
        Type <b>{name}</b> to confirm
        <Input
          autoFocus
          value={typed}
          onChange={(e) => setTyped(e.target.value)}
          onPressEnter={() => typed === name && onOk()}
          style={{ marginTop: 6 }}
          aria-label={`Type ${name} to confirm`}
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
  label = 'Search',
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
