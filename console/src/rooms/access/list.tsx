// All volumes with audit logs, and how it stands with each: those in trouble first.
import { plural, t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { EyeOutlined } from '@ant-design/icons';
import { Button } from 'antd';
import { useAccessList } from '../../api/access';
import { count } from '../../lib/format';
import { useGo, useWho } from '../../lib/session';
import { AccessTag, stateOf } from '../../ui/accessstate';
import { Day } from './parts';
import { Nothing, Page, Size, To, When } from '../../ui/parts';
import { NameOf } from '../../ui/pick';
import { DataTable } from '../../ui/table';

export default function AccessList() {
  const who = useWho();
  const go = useGo();
  const list = useAccessList(who.customer);
  return (
    <Page
      title={t`Access`}
      text={t`Who uses which files, as the audit logs of LucidLink filespaces tell; those that need somebody come first.`}
    >
      <DataTable
        list={list}
        what="filespaces"
        rowKey="volume_id"
        empty={
          <Nothing
            icon={<EyeOutlined />}
            title={t`No volume has audit logs`}
            text={t`Filespaces of LucidLink keep them. Add one as a volume of the kind LucidLink; its host's agent then follows its logs.`}
            action={
              who.mayWrite && (
                <Button type="primary" onClick={() => go('/volumes')}>
                  <Trans>To the volumes</Trans>
                </Button>
              )
            }
            command="alto volume add --host HOST --path PATH --name NAME --kind lucidlink"
          />
        }
        columns={[
          {
            title: t`Filespace`,
            fixed: true,
            render: (_, a) => (
              <div style={{ maxWidth: 300, whiteSpace: 'normal' }}>
                <To path={`/access/${a.volume_id}`}>{a.name}</To>
                <div className="sub">
                  <NameOf noun="hosts" id={a.host_id} customer={who.customer} />
                  {who.operator && !who.customer && (
                    <>
                      {' · '}
                      <NameOf noun="customers" id={a.customer_id} />
                    </>
                  )}
                </div>
              </div>
            ),
          },
          {
            title: t`State`,
            render: (_, a) => (
              <div>
                <AccessTag of={a} />
                {stateOf(a) !== 'live' && (
                  <div className="sub" style={{ maxWidth: 380, whiteSpace: 'normal', marginTop: 4 }}>
                    {a.next_step ? `${a.next_step}.` : `${a.text}.`}
                  </div>
                )}
              </div>
            ),
          },
          {
            title: t`Complete since`,
            render: (_, a) =>
              a.complete ? (
                <Day at={a.covered_since_at} />
              ) : (
                <span className="none">
                  <Trans>not now</Trans>
                </span>
              ),
          },
          {
            title: t`Last event`,
            render: (_, a) => (
              <div>
                <When at={a.last_event_at} none={t`none yet`} />
                <div className="sub">
                  <Trans>
                    host heard of <When at={a.told_at} none={t`not yet`} />
                  </Trans>
                </div>
              </div>
            ),
          },
          {
            title: t`Clients`,
            align: 'right',
            render: (_, a) => (
              <div>
                <span className="num">{count(a.nodes.total)}</span>
                <div className="sub">
                  {plural(a.nodes.active, {
                    one: `${count(a.nodes.active)} log open`,
                    other: `${count(a.nodes.active)} logs open`,
                  })}
                </div>
              </div>
            ),
          },
          { title: t`Not read yet`, align: 'right', render: (_, a) => <Size n={a.behind_bytes} /> },
        ]}
      />
    </Page>
  );
}
