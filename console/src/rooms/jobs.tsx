import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { UnorderedListOutlined } from '@ant-design/icons';
import { Select } from 'antd';
import type { Job, Schemas } from '../api/client';
import { JOB_STATES, useJobs } from '../api/data';
import { count } from '../lib/format';
import { words } from '../lib/words';
import { useAddress, useWho } from '../lib/session';
import { JobBar, Nothing, Page, Size, State, To, When } from '../ui/parts';
import { NameOf, VolumePick } from '../ui/pick';
import { DataTable } from '../ui/table';

const KINDS = ['scan', 'tier', 'archive', 'recall', 'check_share', 'reconcile', 'adopt'];

/** Why it stands, failed, or ended before its time. */
const why = (j: Job) => j.pause?.text || (j.state === 'done' ? '' : j.text);

export default function Jobs() {
  const { customer } = useWho();
  const [search, change] = useAddress();
  const state = JOB_STATES.find((s) => s === search.get('state'));
  const kind = KINDS.find((k) => k === search.get('kind')) as Schemas['JobKind'] | undefined;
  const volume_id = search.get('volume') ?? undefined;
  const list = useJobs(customer, { state, kind, volume_id });
  const options = (names: string[]) => names.map((n) => ({ value: n, label: words(n) }));
  return (
    <Page
      title={t`Jobs`}
      text={t`What is being done, newest first.`}
      actions={
        <>
          <Select
            allowClear
            aria-label={t`State`}
            placeholder={t`Any state`}
            style={{ width: 130 }}
            value={state}
            options={options(JOB_STATES)}
            onChange={(v) => change({ state: v })}
          />
          <Select
            allowClear
            aria-label={t`Kind`}
            placeholder={t`Any kind`}
            style={{ width: 130 }}
            value={kind}
            options={options(KINDS)}
            onChange={(v) => change({ kind: v })}
          />
          <VolumePick
            customer={customer}
            style={{ width: 160 }}
            value={volume_id}
            onChange={(v) => change({ volume: v })}
          />
        </>
      }
    >
      <DataTable
        list={list}
        what="jobs"
        size="medium"
        rowKey="id"
        empty={
          <Nothing
            icon={<UnorderedListOutlined />}
            title={t`No job`}
            text={
              state || kind || volume_id
                ? t`None fits the filter.`
                : t`Scan a volume or run a rule; it is followed here.`
            }
            command="alto scan VOLUME --wait"
          />
        }
        brief={(j) => (
          <>
            <div className="bar" style={{ margin: '6px 0' }}>
              <State of={j.state} />
              <span>
                {j.volume_id ? (
                  <NameOf noun="volumes" id={j.volume_id} customer={customer} />
                ) : (
                  <NameOf noun="shares" id={j.share_id} customer={customer} />
                )}
              </span>
              <When at={j.created_at} />
            </div>
            <JobBar job={j} />
            {(j.refused_files > 0 || j.failed_files > 0) && (
              <div>
                <Trans>
                  {count(j.refused_files)} refused, {count(j.failed_files)} failed
                </Trans>
              </div>
            )}
            {why(j) && <div>{why(j)}</div>}
          </>
        )}
        columns={[
          { title: t`Job`, fixed: true, render: (_, j) => <To path={`/jobs/${j.id}`}>{words(j.kind)}</To> },
          { title: t`State`, render: (_, j) => <State of={j.state} /> },
          {
            title: t`Volume or share`,
            render: (_, j) =>
              j.volume_id ? (
                <NameOf noun="volumes" id={j.volume_id} customer={customer} />
              ) : (
                <NameOf noun="shares" id={j.share_id} customer={customer} />
              ),
          },
          { title: t`Progress`, width: 210, render: (_, j) => <JobBar job={j} /> },
          {
            title: t`Freed`,
            align: 'right',
            render: (_, j) => (j.freed_bytes ? <Size n={j.freed_bytes} /> : '–'),
          },
          {
            title: t`Refused`,
            align: 'right',
            render: (_, j) => <span className="num">{count(j.refused_files)}</span>,
          },
          {
            title: t`Failed`,
            align: 'right',
            render: (_, j) => (
              <span
                className="num"
                style={j.failed_files ? { color: 'var(--bad-text)', fontWeight: 600 } : undefined}
              >
                {count(j.failed_files)}
              </span>
            ),
          },
          {
            title: t`Why`,
            render: (_, j) =>
              why(j) ? (
                <div className="sub" style={{ maxWidth: 200, whiteSpace: 'normal' }}>
                  {why(j)}
                </div>
              ) : null,
          },
          {
            title: t`When`,
            render: (_, j) => (
              <>
                <When at={j.created_at} />
                <div className="sub">
                  <Trans>by {j.created_by || 'Alto'}</Trans>
                </div>
              </>
            ),
          },
        ]}
      />
    </Page>
  );
}
