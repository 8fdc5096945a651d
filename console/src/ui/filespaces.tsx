// The LucidLink filespaces that a host's agent found, to choose a volume's folder from.
import { plural, t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { Alert, Button, Radio, Skeleton } from 'antd';
import { type Filespace, useFilespaces } from '../api/access';
import type { Host } from '../api/client';
import { count } from '../lib/format';
import { visible } from '../lib/path';
import { Failed, When } from './parts';

const NAME_MAX = 128; // bytes, of a volume

/** A field of one line cannot hold it as it is, or nobody would see what it holds. */
const plain = (text: string) => visible(text) === text;

/** Why it cannot be chosen here. */
function hindered(f: Filespace): string | undefined {
  if (!f.path) return t`its client did not say where it is mounted`;
  return f.path_b64 || !plain(f.path) ? t`its path holds characters that cannot be typed` : undefined;
}

/** The filespace's, else the last part of its path; nothing where that is no name. */
export function nameOf(f: Pick<Filespace, 'filespace' | 'path'>): string | undefined {
  const name = f.filespace || f.path.split(/[\\/]/).findLast(Boolean) || '';
  const bytes = new TextEncoder().encode(name).length;
  return bytes > 0 && bytes <= NAME_MAX && name.trim() === name && plain(name) ? name : undefined;
}

const LOGS = (): Record<Filespace['logs'], string> => ({
  present: t`its audit logs are there`,
  denied: t`its audit logs may not be read`,
  absent: t`it has no audit logs`,
  unknown: t`its audit logs were not looked for yet`,
});

function One({ f, os }: { f: Filespace; os: string | undefined }) {
  const why = hindered(f);
  const what = f.filespace ? visible(f.filespace) : f.lucidlink ? t`a filespace` : visible(f.type);
  const gone = !f.mounted && os === 'linux'; // other systems have no table of mounts that is read
  const bad = why !== undefined || gone || f.logs === 'denied' || f.logs === 'absent';
  return (
    <Radio value={f.path} disabled={why !== undefined} className="mount">
      <span className="mono path">{f.path ? visible(f.path) : '–'}</span>
      <span className={bad ? 'sub odd' : 'sub'}>
        {what}, {why ?? (gone ? t`it is not mounted now` : LOGS()[f.logs])}
      </span>
    </Radio>
  );
}

/** What is wrong with what is shown, if anything. */
function Doubt({ host, at, text }: { host: Host | undefined; at: string | null; text: string }) {
  if (host && host.state !== 'online')
    return (
      <Alert
        type="warning"
        showIcon
        style={{ marginBottom: 8 }}
        title={
          at ? (
            <>
              <Trans>
                This host cannot be reached: it is what it told <When at={at} />
              </Trans>
            </>
          ) : (
            t`This host cannot be reached`
          )
        }
      />
    );
  return text ? (
    <div className="sub">
      <Trans>Names may be missing: {visible(text)}</Trans>
    </div>
  ) : null;
}

/** Nothing, as long as the kind is another one and no filespace is known. */
export function FilespacePick({
  host_id,
  host,
  asked,
  path,
  onPick,
}: {
  host_id: string;
  host: Host | undefined;
  /** The kind is chosen already: whatever is known is told. */
  asked: boolean;
  /** Of the volume as it stands. */
  path: string | undefined;
  onPick: (f: Filespace) => void;
}) {
  const query = useFilespaces(host_id);
  const { data, error } = query;
  const items = data?.found?.items ?? [];
  const more = data?.found?.more ?? 0;
  // What is none by all that is known comes last, and only to who asks for one.
  const shown = [...items.filter((f) => f.lucidlink), ...(asked ? items.filter((f) => !f.lucidlink) : [])];
  if (!asked && shown.length === 0) return null;
  return (
    <div className="mounts" role="group" aria-labelledby="mounts-title">
      <div id="mounts-title">
        <Trans>Mounted on that host</Trans>
      </div>
      {data && <Doubt host={host} at={data.told_at} text={data.found?.text ?? ''} />}
      {!data && error && <Failed error={error} retry={() => void query.refetch()} />}
      {!data && !error && (
        <div role="status" aria-label={t`Loading what is mounted`}>
          <Skeleton active title={false} paragraph={{ rows: 2 }} />
        </div>
      )}
      {data && shown.length > 0 && (
        <Radio.Group
          aria-labelledby="mounts-title"
          value={path}
          onChange={(e) => {
            const f = shown.find((one) => one.path === e.target.value && !hindered(one));
            if (f) onPick(f);
          }}
        >
          {shown.map((f) => (
            <One f={f} os={host?.os} key={`${f.path_b64 ?? f.path} ${f.instance} ${f.filespace}`} />
          ))}
        </Radio.Group>
      )}
      {data && shown.length === 0 && (
        <p className="sub">
          {data.found
            ? t`No mount was found there. Mount the filespace on the host, or name its folder below.`
            : t`Its agent has told nothing yet: it looks within half a minute of its start. The folder may be named below.`}{' '}
          <Button size="small" loading={query.isFetching} onClick={() => void query.refetch()}>
            <Trans>Look again</Trans>
          </Button>
        </p>
      )}
      {more > 0 && (
        <div className="sub">
          {plural(more, {
            one: `${count(more)} more mount not shown: name the folder below.`,
            other: `${count(more)} more mounts not shown: name the folder below.`,
          })}
        </div>
      )}
    </div>
  );
}
