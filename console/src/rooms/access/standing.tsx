// How it stands with the logs, in figures, each with what it means.
import { plural, t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { Card } from 'antd';
import type { ReactNode } from 'react';
import { type Access, DAY_MS } from '../../api/access';
import { counted } from '../../lib/counted';
import { bytes, count, dateText, span, spanAgo } from '../../lib/format';
import { visible } from '../../lib/path';
import { MEANS, stateOf } from '../../ui/accessstate';
import { Failed, To } from '../../ui/parts';
import { Tiles } from '../../ui/planview';
import { Day, Since } from './parts';

/** What coverage means for rules, in a sentence. */
function reach(a: Access): string {
  if (!a.complete || !a.covered_since_at)
    return t`Rules that ask for files nobody accessed take none now, since nobody can say which they are.`;
  const since = Date.parse(a.covered_since_at);
  const days = Math.floor((Date.now() - since) / DAY_MS);
  const at = (n: number) => dateText(since + n * DAY_MS, 'day');
  if (days >= 365) return t`Rules may ask for files that nobody accessed for a year.`;
  if (days >= 90)
    return t`Rules may ask for up to ${days} days without an access; for a year from ${at(365)} on.`;
  return t`A rule with “accessed older than ${Math.max(1, days)}d” or less is answered now, one with 90d from ${at(90)} on; until then it takes nothing.`;
}

export const skippedOf = (a: Access): number =>
  a.counts.filter((c) => c.kind === 'skipped').reduce((n, c) => n + c.count, 0);

/** As short as a tile is narrow; the whole time where one points. It is drawn anew as the state comes anew. */
const Ago = ({ at, none }: { at: string | null; none: string }) =>
  at ? (
    <time dateTime={at} tabIndex={0} className="when">
      {spanAgo(Math.max(0, Date.now() - Date.parse(at)) / 1000)}
    </time>
  ) : (
    none
  );
const Fact = ({ k, children }: { k: string; children: ReactNode }) => (
  <>
    <dt>{k}</dt>
    <dd>{children}</dd>
  </>
);

export function Standing({ a, error }: { a: Access; error: Error | null }) {
  const state = stateOf(a);
  return (
    <>
      {error && <Failed error={error} />}
      <Tiles
        tiles={[
          {
            k: t`Complete for`,
            v:
              a.complete && a.covered_since_at
                ? span((Date.now() - Date.parse(a.covered_since_at)) / 1000)
                : '–',
            s: a.complete ? (
              <>
                <Trans>
                  since <Day at={a.covered_since_at} />
                </Trans>
              </>
            ) : (
              t`not now: nothing is called cold`
            ),
          },
          {
            k: t`Last event`,
            v: <Ago at={a.last_event_at} none={t`none yet`} />,
            s: t`by the clock of the client that wrote it`,
          },
          {
            k: t`Heard of the host`,
            v: <Ago at={a.told_at} none={t`not yet`} />,
            s: t`it tells every half minute`,
          },
          {
            k: t`Clients`,
            v: count(a.nodes.total),
            s: (
              <>
                {plural(a.nodes.active, {
                  one: `${count(a.nodes.active)} has a log open`,
                  other: `${count(a.nodes.active)} have a log open`,
                })}
                <br />
                <To path={`/access/${a.volume_id}`} more={{ tab: 'clients' }}>
                  <Trans>all clients</Trans>
                </To>
              </>
            ),
          },
          {
            k: t`Not read yet`,
            v: bytes(a.behind_bytes),
            s: a.behind_bytes > 0 ? t`of ${counted(a.nodes.behind, 'client')}` : t`all is read to its end`,
          },
          {
            k: t`Lines passed over`,
            v: count(skippedOf(a)),
            s: (
              <To path={`/access/${a.volume_id}`} more={{ tab: 'lines' }}>
                <Trans>what became of lines</Trans>
              </To>
            ),
          },
        ]}
      />
      <div className="two">
        <Card size="small" title={t`What it means`}>
          <p style={{ marginTop: 0 }}>{MEANS()[state]}</p>
          <p style={{ marginBottom: 0 }}>{reach(a)}</p>
        </Card>
        <Card size="small" title={t`The filespace`}>
          <dl className="facts">
            <Fact k={t`Name`}>
              {a.filespace ? <span className="mono">{visible(a.filespace)}</span> : t`not told yet`}
            </Fact>
            <Fact k={t`Root on the host`}>
              {a.root ? <span className="mono">{visible(a.root)}</span> : t`not found yet`}
            </Fact>
            <Fact k={t`Identity`}>
              {a.filespace_uuid ? <span className="mono">{visible(a.filespace_uuid)}</span> : t`not told`}
            </Fact>
            <Fact k={t`In this state`}>
              <Since at={a.since_at} none={t`from the beginning`} />
            </Fact>
            <Fact k={t`Logs`}>
              <Trans>
                {count(a.files)}, {count(a.active_files)} of them open
              </Trans>
            </Fact>
          </dl>
        </Card>
      </div>
    </>
  );
}
