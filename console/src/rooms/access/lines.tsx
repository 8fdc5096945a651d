// What became of the lines of the logs: read, dropped as noise, passed over; with some that were passed over.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { Alert, Card } from 'antd';
import type { ReactNode } from 'react';
import type { Access } from '../../api/access';
import { count, percent } from '../../lib/format';
import { visible } from '../../lib/path';
import { Bars, LOCAL, To, WARN, When } from '../../ui/parts';

type Count = Access['counts'][number];
const GREY = '#7f8c96';

function Counts({
  title,
  text,
  of,
  color,
  lines,
  none,
}: {
  title: string;
  text: ReactNode;
  of: Count[];
  color: string;
  lines: number;
  none: string;
}) {
  const some = of.filter((c) => c.count > 0);
  return (
    <Card size="small" title={title}>
      <p className="sub" style={{ marginTop: 0 }}>
        {text}
      </p>
      {some.length ? (
        <Bars
          color={color}
          rows={some.map((c) => ({
            key: c.name,
            name: c.text,
            value: c.count,
            text:
              c.name === 'lines' || c.name === 'ignored_files'
                ? count(c.count)
                : `${count(c.count)} · ${percent(c.count, lines)}`,
          }))}
        />
      ) : (
        <span className="sub">{none}</span>
      )}
    </Card>
  );
}

/** One of them: what is not text in it is shown as such. */
function Sample({ s }: { s: Access['samples'][number] }) {
  return (
    <li>
      <div className="skipped">
        <b>{s.text}</b>
        <When at={s.at} none={t`at a time nobody knows`} />
        <span className="mono path">
          <Trans>
            {s.log ? visible(s.log) : t`a log without a name`}, from byte {count(s.offset)}
          </Trans>
        </span>
      </div>
      <pre className="mono sample">{visible(s.line) || '(nothing)'}</pre>
    </li>
  );
}

export default function Lines({ a }: { a: Access }) {
  const kind = (k: Count['kind']) => a.counts.filter((c) => c.kind === k);
  const lines = a.counts.find((c) => c.name === 'lines')?.count ?? 0;
  return (
    <>
      <p className="sub" style={{ marginTop: 0 }}>
        <Trans>As the host told last, counted since its agent has followed the volume.</Trans>
      </p>
      {a.rejected > 0 && (
        <Alert
          type="warning"
          showIcon
          style={{ marginBottom: 16 }}
          title={t`${count(a.rejected)} of the host's rows could not be taken`}
          description={
            <>
              <Trans>
                Agent and altod may be of different versions: update the older one. The reasons stand in the{' '}
                <To path="/audit">record of events</To>.
              </Trans>
            </>
          }
        />
      )}
      <div className="two three">
        <Counts
          title={t`Read`}
          text={t`Lines that told something.`}
          of={kind('read')}
          color={LOCAL}
          lines={lines}
          none={t`No line was read yet.`}
        />
        <Counts
          title={t`Dropped as noise`}
          text={
            <>
              <Trans>
                Known not to be people at work: Alto itself, and whom the{' '}
                <To path={`/access/${a.volume_id}`} more={{ tab: 'settings' }}>
                  settings
                </To>{' '}
                name.
              </Trans>
            </>
          }
          of={kind('dropped')}
          color={GREY}
          lines={lines}
          none={t`Nothing was dropped.`}
        />
        <Counts
          title={t`Passed over`}
          text={t`Lines that tell nothing. A few are usual: clients crash in the middle of one.`}
          of={kind('skipped')}
          color={WARN}
          lines={lines}
          none={t`No line was passed over.`}
        />
      </div>
      <Card size="small" title={t`Lines that were passed over`}>
        {a.samples.length ? (
          <>
            <p className="sub" style={{ marginTop: 0 }}>
              <Trans>
                The latest of each reason. A log is named from <span className="mono">.lucid_audit</span> on,
                without its ending <span className="mono">.active</span>.
              </Trans>
            </p>
            <ul className="plainlist">
              {a.samples.map((s) => (
                <Sample s={s} key={`${s.log_b64 ?? s.log} ${s.offset} ${s.why} ${s.at}`} />
              ))}
            </ul>
          </>
        ) : (
          <span className="sub">
            <Trans>None is kept: no line was passed over since it began to count.</Trans>
          </span>
        )}
      </Card>
    </>
  );
}
