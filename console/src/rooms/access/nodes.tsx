// The clients that write logs: whose, how far they are read, when they last did something; those behind come first.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { DesktopOutlined } from '@ant-design/icons';
import { Grid, Select } from 'antd';
import type { SorterResult } from 'antd/es/table/interface';
import { type Access, type AccessNode, type NodesQuery, useNodes } from '../../api/access';
import { counted } from '../../lib/counted';
import { bytes, count } from '../../lib/format';
import { visible } from '../../lib/path';
import { useAddress } from '../../lib/session';
import { Nothing, Search, Size, State, When } from '../../ui/parts';
import { DataTable } from '../../ui/table';
import { Who } from './parts';

type Sort = NonNullable<NodesQuery['sort']>;
const SORTS = (): { value: Sort; label: string; down: boolean }[] => [
  { value: 'behind', label: t`Not read`, down: true },
  { value: 'last_event', label: t`Last event`, down: true },
  { value: 'last_grown', label: t`Log grew`, down: true },
  { value: 'host', label: t`Host`, down: false },
  { value: 'user', label: t`User`, down: false },
  { value: 'node', label: t`Client`, down: false },
];
/** No longer than a line may get: a client may be in the middle of writing one, or have ended there. */
const PART_BYTES = 4096;

function Standing({ of }: { of: AccessNode }) {
  if (of.behind_bytes > PART_BYTES)
    return <State of="behind" text={t`${bytes(of.behind_bytes)} of its logs are not read yet`} />;
  if (of.behind_bytes > 0)
    return (
      <State
        of="part_of_a_line"
        text={t`Its log ends in a part of a line: the client is writing it, or ended in the middle of it. All before it is read.`}
      />
    );
  return of.active ? (
    <State of="live" text={t`It has a log open, and all of it is read`} />
  ) : (
    <State of="closed" text={t`It has no log open; all it wrote is read`} />
  );
}

export default function Nodes({ volume, access }: { volume: string; access?: Access }) {
  const [search, change] = useAddress();
  const wide = Grid.useBreakpoint().md ?? true;
  const text = search.get('q') ?? '';
  const sort = SORTS().find((s) => s.value === search.get('sort')) ?? SORTS()[0]!;
  const way = search.get('order');
  const order = way === 'asc' || way === 'desc' ? way : sort.down ? 'desc' : 'asc';
  const only = search.get('only') ?? undefined;
  const list = useNodes(volume, {
    q: text || undefined,
    sort: sort.value,
    order,
    active: only === 'open' ? true : only === 'closed' ? false : undefined,
    behind: only === 'behind' ? true : undefined,
  });
  const many = list.items.length > 60;
  const sorted = (name: Sort) =>
    sort.value === name ? (order === 'asc' ? ('ascend' as const) : ('descend' as const)) : null;
  const sortBy = (by: SorterResult<AccessNode> | SorterResult<AccessNode>[]) => {
    const { columnKey, order: to } = Array.isArray(by) ? by[0]! : by;
    change({
      sort: !to || columnKey === 'behind' ? undefined : String(columnKey),
      order: to ? (to === 'ascend' ? 'asc' : 'desc') : undefined,
    });
  };
  const filtered = !!text || !!only;
  return (
    <>
      <div className="bar">
        <Search value={text} onChange={(q) => change({ q })} label={t`Search client, host or user`} />
        <Select
          allowClear
          aria-label={t`Which clients`}
          placeholder={t`All clients`}
          style={{ width: 170 }}
          value={only}
          onChange={(v?: string) => change({ only: v })}
          options={[
            { value: 'behind', label: t`Not read to the end` },
            { value: 'open', label: t`With a log open` },
            { value: 'closed', label: t`Without one` },
          ]}
        />
        {!wide && (
          <Select
            aria-label={t`Sort by`}
            style={{ width: 130 }}
            value={sort.value}
            onChange={(s: Sort) => change({ sort: s === 'behind' ? undefined : s, order: undefined })}
            options={SORTS().map(({ value, label }) => ({ value, label }))}
          />
        )}
        {access && (
          <span className="sub">
            <Trans>
              {counted(access.nodes.total, 'client')}, {count(access.nodes.active)} with a log open,{' '}
              {count(access.nodes.behind)} not read to the end
            </Trans>
          </span>
        )}
      </div>
      <DataTable
        list={list}
        what="clients"
        size="small"
        rowKey={(n) => n.node_b64 ?? n.node}
        virtual={many}
        scroll={{ x: 1000, ...(many ? { y: Math.max(320, window.innerHeight - 380) } : {}) }}
        onChange={(_page, _filters, sorter) => sortBy(sorter)}
        empty={
          <Nothing
            icon={<DesktopOutlined />}
            title={filtered ? t`No client fits` : t`No client is known yet`}
            text={
              filtered
                ? t`Try less of it.`
                : t`A client of the filespace is known from its first log on. The last 20,000 are kept.`
            }
            command={filtered ? undefined : 'alto access nodes VOLUME'}
          />
        }
        brief={(n) => (
          <>
            <Standing of={n} /> {n.user && <>{visible(n.user)} · </>}
            <When at={n.last_event_at} none={t`no event yet`} />
            {n.behind_bytes > 0 && (
              <>
                {' · '}
                <Trans>{bytes(n.behind_bytes)} not read</Trans>
              </>
            )}
          </>
        )}
        columns={[
          {
            key: 'host',
            title: t`Host`,
            width: 190,
            sorter: true,
            sortOrder: sorted('host'),
            render: (_, n) => <Who volume={volume} as="host" name={n.host} b64={n.host_b64} />,
          },
          { title: t`State`, width: 120, render: (_, n) => <Standing of={n} /> },
          {
            key: 'user',
            title: t`User`,
            width: 220,
            sorter: true,
            sortOrder: sorted('user'),
            render: (_, n) => <Who volume={volume} as="user" name={n.user} b64={n.user_b64} />,
          },
          {
            key: 'node',
            title: t`Client`,
            width: 100,
            sorter: true,
            sortOrder: sorted('node'),
            render: (_, n) => <span className="mono">{visible(n.node)}</span>,
          },
          {
            key: 'last_event',
            title: t`Last event`,
            width: 135,
            sorter: true,
            sortOrder: sorted('last_event'),
            render: (_, n) => <When at={n.last_event_at} none={t`none yet`} />,
          },
          {
            key: 'last_grown',
            title: t`Log grew`,
            width: 135,
            sorter: true,
            sortOrder: sorted('last_grown'),
            render: (_, n) => <When at={n.last_grown_at} none={t`not seen`} />,
          },
          {
            key: 'behind',
            title: t`Not read`,
            width: 120,
            align: 'right',
            sorter: true,
            sortOrder: sorted('behind'),
            render: (_, n) => <Size n={n.behind_bytes} />,
          },
          {
            title: t`Logs`,
            width: 70,
            align: 'right',
            render: (_, n) => <span className="num">{count(n.files)}</span>,
          },
        ]}
      />
    </>
  );
}
