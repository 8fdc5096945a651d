// Parts that the first page is made of: nothing large is imported here.
import { CheckOutlined, CopyOutlined } from '@ant-design/icons';
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { App, Button, Progress, Tooltip } from 'antd';
import { type ReactNode, useEffect, useState } from 'react';
import { Link } from 'react-router';
import type { Job } from '../api/client';
import { counted } from '../lib/counted';
import { bytes, count, percent } from '../lib/format';
import { useTo } from '../lib/session';
import { words } from '../lib/words';

export { Failed } from './failed';
export { Waiting } from './waiting';
export { When } from './time';

export const LOCAL = '#3b82c4';
export const TIERED = '#2fa37c';
export const WARN = '#d9822b';

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
    <span className="num" title={n === null || n === undefined ? t`not known` : t`${count(n)} bytes`}>
      {bytes(n)}
    </span>
  );
}

export function Command({ text, label = t`Copy` }: { text: string; label?: string }) {
  const [done, setDone] = useState(false);
  const { message } = App.useApp();
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
      setTimeout(() => setDone(false), 2000);
    } catch {
      message.info(t`The browser does not allow copying here: select the text and copy it yourself.`);
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
          <span className="sub">
            <Trans>or on the command line</Trans>
          </span>
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

/** What lies here and what lies on the share. */
export function Split({ total, tiered }: { total: number; tiered: number }) {
  const share = total > 0 ? Math.min(100, (100 * tiered) / total) : 0;
  return (
    <div role="img" aria-label={t`${bytes(total - tiered)} local, ${bytes(tiered)} tiered`}>
      <div className="split">
        <i style={{ width: `${total > 0 ? 100 - share : 0}%`, background: LOCAL }} />
        <i style={{ width: `${share}%`, background: TIERED }} />
      </div>
      <div className="legend">
        <span>
          <span className="dot" style={{ background: LOCAL }} />
          <Trans>{bytes(total - tiered)} local</Trans>
        </span>
        <span>
          <span className="dot" style={{ background: TIERED }} />
          <Trans>
            {bytes(tiered)} tiered ({percent(tiered, total)})
          </Trans>
        </span>
      </div>
    </div>
  );
}

export function JobBar({ job }: { job: Job }) {
  const seen = job.done_files + job.refused_files + job.failed_files;
  const over = job.state === 'done' || job.state === 'failed' || job.state === 'cancelled';
  const known = job.total_files > 0;
  const things = counted(known ? job.total_files : seen, job.kind === 'reconcile' ? 'marker' : 'file');
  const at = known ? Math.min(100, Math.floor((100 * seen) / job.total_files)) : over ? 100 : 0;
  return (
    <div style={{ minWidth: 150 }}>
      <Progress
        aria-label={t`Progress of the job`}
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
        {known && job.kind !== 'check_share'
          ? t`${count(seen)} of ${things}`
          : job.kind !== 'check_share' && things}
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
