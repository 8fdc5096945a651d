import { t } from '@lingui/core/macro';
import { AuditOutlined } from '@ant-design/icons';
import { Alert, Button } from 'antd';
import { api, must } from '../api/client';
import { useList } from '../api/data';
import { counted } from '../lib/counted';
import { event, words } from '../lib/words';
import { visible } from '../lib/path';
import { useAddress, useWho } from '../lib/session';
import { useAct } from '../ui/act';
import { Nothing, Page, Search, State, When } from '../ui/parts';
import { SincePick, sinceOf } from '../ui/since';
import { DataTable } from '../ui/table';

export default function Audit() {
  const { customer, operator } = useWho();
  const [search, change] = useAddress();
  const text = search.get('q') ?? '';
  const range = search.get('range') ?? undefined;
  const list = useList(['audit', customer, text, range], (cursor) =>
    must(
      api.GET('/audit', {
        params: {
          query: {
            cursor,
            limit: 100,
            customer_id: customer,
            q: text || undefined,
            from: sinceOf(range),
          },
        },
      }),
    ),
  );
  const verify = useAct(
    () => must(api.GET('/audit/verify', { params: { query: { customer_id: customer } } })),
    [],
  );
  const r = verify.data;
  return (
    <Page
      title={t`Audit`}
      text={t`Who did what. Every entry carries the hash of the one before.`}
      actions={
        <>
          <Search value={text} onChange={(q) => change({ q })} label={t`Search actor or subject`} />
          <SincePick value={range} onChange={(v) => change({ range: v })} />
          <Button loading={verify.isPending} onClick={() => verify.mutate(undefined)}>
            {operator && !customer ? t`Verify the system's chain` : t`Verify the chain`}
          </Button>
        </>
      }
    >
      {r && (
        <Alert
          style={{ marginBottom: 16 }}
          showIcon
          closable
          type={r.ok ? 'success' : 'error'}
          title={r.ok ? t`The record was not altered` : t`The record was altered`}
          description={
            r.ok
              ? t`${counted(r.events, 'event')}, each fits the one before.`
              : t`The first entry that does not fit is number ${r.first_bad_seq ?? '–'}.`
          }
        />
      )}
      <DataTable
        list={list}
        what="events"
        size="small"
        rowKey="id"
        empty={
          <Nothing
            icon={<AuditOutlined />}
            title={t`No event`}
            text={t`None fits the filter.`}
            command="alto audit list"
          />
        }
        expandable={{
          expandedRowKeys: [search.get('event') ?? ''],
          onExpand: (open, e) => change({ event: open ? e.id : undefined }),
          expandedRowRender: (e) => (
            <pre className="mono" style={{ margin: 0, whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
              {JSON.stringify(e.detail, null, 2)}
              {`\n${t`number`} ${e.seq}\n${t`hash`}   ${e.hash}\n${t`before`} ${e.prev_hash}`}
            </pre>
          ),
        }}
        columns={[
          { title: t`Did`, fixed: true, render: (_, e) => <b>{event(e.act)}</b> },
          { title: t`When`, render: (_, e) => <When at={e.at} full /> },
          {
            title: t`Who`,
            render: (_, e) => (
              <>
                {e.actor_name || words(e.actor_type)}
                {e.actor_name && <span className="sub"> {words(e.actor_type)}</span>}
              </>
            ),
          },
          {
            title: t`To`,
            render: (_, e) => (
              <div style={{ maxWidth: 480, whiteSpace: 'normal', overflowWrap: 'anywhere' }}>
                {visible(e.subject)} <span className="sub">{words(e.subject_type)}</span>
              </div>
            ),
          },
          { title: t`Result`, render: (_, e) => <State of={e.code} /> },
        ]}
      />
    </Page>
  );
}
