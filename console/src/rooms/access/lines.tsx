// What became of the lines of the logs: read, dropped as noise, passed over; with some that were passed over.
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
        <When at={s.at} none="at a time nobody knows" />
        <span className="mono path">
          {s.log ? visible(s.log) : 'a log without a name'}, from byte {count(s.offset)}
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
        As the host told last, counted since its agent has followed the volume.
      </p>
      {a.rejected > 0 && (
        <Alert
          type="warning"
          showIcon
          style={{ marginBottom: 16 }}
          title={`${count(a.rejected)} of the host's rows could not be taken`}
          description={
            <>
              Agent and altod may be of different versions: update the older one. The reasons stand in the{' '}
              <To path="/audit">record of events</To>.
            </>
          }
        />
      )}
      <div className="two three">
        <Counts
          title="Read"
          text="Lines that told something."
          of={kind('read')}
          color={LOCAL}
          lines={lines}
          none="No line was read yet."
        />
        <Counts
          title="Dropped as noise"
          text={
            <>
              Known not to be people at work: Alto itself, and whom the{' '}
              <To path={`/access/${a.volume_id}`} more={{ tab: 'settings' }}>
                settings
              </To>{' '}
              name.
            </>
          }
          of={kind('dropped')}
          color={GREY}
          lines={lines}
          none="Nothing was dropped."
        />
        <Counts
          title="Passed over"
          text="Lines that tell nothing. A few are usual: clients crash in the middle of one."
          of={kind('skipped')}
          color={WARN}
          lines={lines}
          none="No line was passed over."
        />
      </div>
      <Card size="small" title="Lines that were passed over">
        {a.samples.length ? (
          <>
            <p className="sub" style={{ marginTop: 0 }}>
              The latest of each reason. A log is named from <span className="mono">.lucid_audit</span> on,
              without its ending <span className="mono">.active</span>.
            </p>
            <ul className="plainlist">
              {a.samples.map((s) => (
                <Sample s={s} key={`${s.log_b64 ?? s.log} ${s.offset} ${s.why} ${s.at}`} />
              ))}
            </ul>
          </>
        ) : (
          <span className="sub">None is kept: no line was passed over since it began to count.</span>
        )}
      </Card>
    </>
  );
}
