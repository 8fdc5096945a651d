import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { ImportOutlined } from '@ant-design/icons';
import { Button, Progress } from 'antd';
import { useState } from 'react';
import { useList } from '../api/data';
import { deleteImport, type Import, listImports } from '../api/calls';
import { counted } from '../lib/counted';
import { bytes, count, percent } from '../lib/format';
import { useAddress, useGo, useWho } from '../lib/session';
import { useAct } from '../ui/act';
import { Actions, ConfirmName, Nothing, Page, Size, State, To, When } from '../ui/parts';
import { NameOf, VolumePick } from '../ui/pick';
import { DataTable } from '../ui/table';

/** How far it is, in one line. */
function How({ i }: { i: Import }) {
  if (i.state === 'uploading')
    return (
      <div style={{ minWidth: 150 }}>
        <Progress
          aria-label={t`Received`}
          size="small"
          percent={Math.floor((100 * i.received) / Math.max(1, i.size))}
        />
        <span className="sub">
          <Trans>
            {bytes(i.received)} of {bytes(i.size)} received
          </Trans>
        </span>
      </div>
    );
  if (i.state === 'running')
    return (
      <div style={{ minWidth: 150 }}>
        <Progress
          aria-label={t`Read`}
          size="small"
          status="active"
          percent={Math.floor((100 * i.bytes_done) / Math.max(1, i.size))}
        />
        <span className="sub num">
          <Trans>
            {counted(i.rows, 'row')}, {count(Math.round(i.rows_per_s))} a second
          </Trans>
        </span>
      </div>
    );
  if (i.state === 'ready')
    return (
      <span className="sub">
        {i.look ? t`about ${counted(i.look.rows_about, 'row')}, not imported yet` : t`not imported yet`}
      </span>
    );
  if (i.result)
    return (
      <span className="num">
        {counted(i.result.rows, 'row')}
        {i.result.refused > 0 && (
          <div className="sub">
            <Trans>
              {count(i.result.refused)} refused ({percent(i.result.refused, i.result.rows)})
            </Trans>
          </div>
        )}
      </span>
    );
  return (
    <div className="sub" style={{ maxWidth: 320, whiteSpace: 'normal' }}>
      {i.text}
    </div>
  );
}

export default function Imports() {
  const who = useWho();
  const go = useGo();
  const [search, change] = useAddress();
  const volume = search.get('volume') ?? undefined;
  const list = useList<Import>(['imports', who.customer, volume], (cursor) =>
    listImports({ cursor, limit: 100, customer_id: who.customer, volume_id: volume }),
  );
  const [gone, setGone] = useState<Import>();
  const remove = useAct(
    (i: Import) => deleteImport(i.id),
    ['imports'],
    () => setGone(undefined),
    true,
  );
  const add = who.mayWrite && (
    <Button type="primary" onClick={() => go('/imports/new', { volume })}>
      <Trans>Import a file</Trans>
    </Button>
  );
  return (
    <Page
      title={t`Imports`}
      text={t`Inventories made by other programs: plans and figures before anything is installed.`}
      actions={
        <>
          <VolumePick
            customer={who.customer}
            style={{ width: 200 }}
            value={volume}
            onChange={(v) => change({ volume: v })}
          />
          {add}
        </>
      }
    >
      <DataTable
        list={list}
        what="imports"
        rowKey="id"
        acts={(i) => (
          <Actions
            of={i.name}
            main={
              <Button size="small" onClick={() => go(`/imports/${i.id}`)}>
                <Trans>Open</Trans>
              </Button>
            }
            items={
              who.mayWrite && i.state !== 'running'
                ? [
                    {
                      label: t`Delete`,
                      danger: true,
                      act: () => {
                        remove.reset();
                        setGone(i);
                      },
                    },
                  ]
                : []
            }
          />
        )}
        empty={
          <Nothing
            icon={<ImportOutlined />}
            title={t`No import yet`}
            text={t`A list of files made by find, PowerShell, TreeSize or WinDirStat, as CSV or Parquet, shows what could be saved. The host needs no agent for it.`}
            action={add}
            command="alto import VOLUME files.csv --wait"
          />
        }
        columns={[
          {
            title: t`File`,
            render: (_, i) => (
              <div style={{ maxWidth: 300, whiteSpace: 'normal', overflowWrap: 'anywhere' }}>
                <To path={`/imports/${i.id}`}>{i.name}</To>
                <div className="sub">
                  <Size n={i.size} />
                  {i.look?.made_by && ` · ${i.look.made_by}`}
                </div>
              </div>
            ),
          },
          {
            title: t`Volume`,
            render: (_, i) => <NameOf noun="volumes" id={i.volume_id} customer={who.customer} />,
          },
          { title: t`State`, render: (_, i) => <State of={i.state} /> },
          { title: t`Rows`, render: (_, i) => <How i={i} /> },
          { title: t`By`, render: (_, i) => i.created_by },
          { title: t`When`, render: (_, i) => <When at={i.ended_at ?? i.started_at ?? i.created_at} /> },
        ]}
      />
      {gone && (
        <ConfirmName
          open
          name={gone.name}
          what="import"
          text={t`The uploaded file and the list of refused rows go. What was imported stays.`}
          busy={remove.isPending}
          error={remove.error}
          onOk={() => remove.mutate(gone)}
          onClose={() => setGone(undefined)}
        />
      )}
    </Page>
  );
}
