// What a rule was: each version with who and when, and what differs between two.
import { words } from '../lib/words';
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { useQuery } from '@tanstack/react-query';
import { Button, Card, Select, Skeleton } from 'antd';
import { ruleVersions, type RuleVersion } from '../api/calls';
import type { Rule } from '../api/client';
import { bytes, count } from '../lib/format';
import { diff } from '../lib/diff';
import { useAddress, useGo } from '../lib/session';
import { spanText } from '../lib/week';
import { Failed, Nothing, When } from './parts';
import { NameOf } from './pick';
import { DataTable } from './table';

type Shown = RuleVersion;

/** What is compared, as people read it. */
const FACTS = (): [string, (v: Shown) => string][] => [
  [t`Name`, (v) => v.name],
  [t`Which files`, (v) => v.where],
  [t`Does`, (v) => words(v.action)],
  [t`On`, (v) => (v.enabled ? t`yes` : t`no`)],
  [t`Position`, (v) => String(v.position)],
  [t`Runs`, (v) => (v.schedule ? `${v.schedule.cron} (${v.schedule.zone})` : t`by hand`)],
  [
    t`Windows`,
    (v) =>
      v.windows
        ? `${v.windows.spans.map(spanText).join(', ')} (${v.windows.zone ?? v.schedule?.zone ?? ''})`
        : t`at any time`,
  ],
  [t`At most, files`, (v) => (v.limit_files ? count(v.limit_files) : t`no limit`)],
  [t`At most, data`, (v) => (v.limit_bytes ? bytes(v.limit_bytes) : t`no limit`)],
  [t`At most, minutes`, (v) => (v.limit_minutes ? count(v.limit_minutes) : t`no limit`)],
  [t`Stops at errors of`, (v) => (v.limit_error_percent ? `${v.limit_error_percent} %` : t`never`)],
  [t`Starts above`, (v) => (v.start_used_percent ? t`${v.start_used_percent} % used` : '–')],
  [t`Stops below`, (v) => (v.stop_used_percent ? t`${v.stop_used_percent} % used` : '–')],
];

export function Diff({ before, after }: { before: string; after: string }) {
  return (
    <span className="mono diff">
      {diff(before, after).map((p, i) =>
        p.is === 'same' ? (
          <span key={i}>{p.text}</span>
        ) : p.is === 'gone' ? (
          <del key={i}>{p.text}</del>
        ) : (
          <ins key={i}>{p.text}</ins>
        ),
      )}
    </span>
  );
}

export function Versions({ rule }: { rule: Rule }) {
  const go = useGo();
  const [search, change] = useAddress();
  const list = useQuery({
    queryKey: ['rule', rule.id, 'versions', rule.version],
    queryFn: () => ruleVersions(rule.id),
  });
  if (list.error) return <Failed error={list.error} retry={() => void list.refetch()} />;
  if (!list.data)
    return (
      <Card>
        <Skeleton active />
      </Card>
    );
  const items = [...list.data.items].sort((a, b) => b.version - a.version);
  if (items.length === 0)
    return (
      <Card>
        <Nothing
          title={t`No version is kept`}
          text={t`Each change of this rule will be kept here, with who and when.`}
        />
      </Card>
    );
  const find = (name: string, usual: RuleVersion | undefined) =>
    items.find((v) => String(v.version) === search.get(name)) ?? usual;
  const newer = find('b', items[0])!;
  // Beside the one that is asked for: the one before it.
  const older = find('a', items[items.indexOf(newer) + 1] ?? items.find((v) => v !== newer));
  const facts = older ? FACTS().filter(([, say]) => say(older) !== say(newer)) : [];
  const options = items.map((v) => ({ value: v.version, label: t`version ${v.version}` }));
  return (
    <>
      <Card size="small" title={t`What differs`} style={{ marginBottom: 16 }}>
        {older ? (
          <>
            <div className="bar">
              <Select
                aria-label={t`Older version`}
                value={older.version}
                options={options}
                style={{ minWidth: 130 }}
                onChange={(v: number) => change({ a: String(v) })}
              />
              <span>→</span>
              <Select
                aria-label={t`Newer version`}
                value={newer.version}
                options={options}
                style={{ minWidth: 130 }}
                onChange={(v: number) => change({ b: String(v) })}
              />
              <Button
                onClick={() =>
                  go('/plan', {
                    volume: rule.volume_id,
                    rule: rule.id,
                    version: String(newer.version),
                    against: rule.id,
                    againstversion: String(older.version),
                  })
                }
              >
                <Trans>Which files enter and leave</Trans>
              </Button>
            </div>
            {facts.length === 0 && older.share_id === newer.share_id ? (
              <p className="sub">
                <Trans>Nothing that can be seen.</Trans>
              </p>
            ) : (
              <dl className="facts">
                {facts.map(([name, say]) => [
                  <dt key={`t${name}`}>{name}</dt>,
                  <dd key={name}>
                    {name === t`Which files` ? (
                      <Diff before={say(older)} after={say(newer)} />
                    ) : (
                      <span className="diff">
                        <del>{say(older)}</del> → <ins>{say(newer)}</ins>
                      </span>
                    )}
                  </dd>,
                ])}
                {older.share_id !== newer.share_id && (
                  <>
                    <dt>
                      <Trans>Share</Trans>
                    </dt>
                    <dd>
                      <del>
                        <NameOf noun="shares" id={older.share_id} />
                      </del>{' '}
                      <ins>
                        <NameOf noun="shares" id={newer.share_id} />
                      </ins>
                    </dd>
                  </>
                )}
              </dl>
            )}
          </>
        ) : (
          <p className="sub">
            <Trans>There is one version only: it was never changed.</Trans>
          </p>
        )}
      </Card>
      <DataTable<RuleVersion>
        list={{ items, pending: false, error: null, retry: () => undefined, moreBusy: false }}
        what="versions"
        size="small"
        rowKey="version"
        empty={null}
        columns={[
          {
            title: t`Version`,
            render: (_, v) => (
              <span className="num">
                <Trans>version {v.version}</Trans>
              </span>
            ),
          },
          { title: t`When`, render: (_, v) => <When at={v.at} /> },
          { title: t`Who`, render: (_, v) => v.by || t`the server` },
          {
            title: t`Which files`,
            render: (_, v) => (
              <div className="mono" style={{ maxWidth: 520, whiteSpace: 'normal', overflowWrap: 'anywhere' }}>
                {v.where}
              </div>
            ),
          },
          { title: t`Does`, render: (_, v) => words(v.action) },
          { title: t`On`, render: (_, v) => (v.enabled ? t`yes` : t`no`) },
        ]}
      />
    </>
  );
}
