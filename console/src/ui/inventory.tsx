// What lies on all volumes of a customer: how old, how large, whose; and what is coldest and largest.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { useQuery } from '@tanstack/react-query';
import { Button, Card, Segmented, Skeleton } from 'antd';
import { customerFigures, type CustomerFigures } from '../api/calls';
import { counted } from '../lib/counted';
import { bytes, count } from '../lib/format';
import { useAddress, useGo, useWho } from '../lib/session';
import { Failed } from './parts';
import { AgeCard, GroupCards, SizeCard } from './figurecards';
import { FilesTable } from './planview';

function Shown({ f }: { f: CustomerFigures }) {
  const [search, change] = useAddress();
  const list = search.get('list') === 'largest' ? 'largest' : 'coldest';
  return (
    <>
      <div className="two">
        <AgeCard title={t`By last access`} of={f.age} />
        <SizeCard of={f.size} />
        <GroupCards ext={f.ext} owner={f.owner} />
      </div>
      <Card
        size="small"
        title={t`Files`}
        extra={
          <Segmented
            size="small"
            aria-label={t`Which files`}
            value={list}
            options={[
              { value: 'coldest', label: t`Coldest` },
              { value: 'largest', label: t`Largest` },
            ]}
            onChange={(v) => change({ list: v === 'coldest' ? undefined : v })}
          />
        }
        styles={{ body: { padding: 0 } }}
      >
        <FilesTable files={f[list] ?? []} />
      </Card>
      <p className="sub">
        {f.imported_files > 0 ? (
          <Trans>
            {counted(f.totals.files, 'file')}, {bytes(f.totals.bytes)}, on {counted(f.volumes, 'volume')};{' '}
            {count(f.imported_files)} of them known from imports only.
          </Trans>
        ) : (
          <Trans>
            {counted(f.totals.files, 'file')}, {bytes(f.totals.bytes)}, on {counted(f.volumes, 'volume')}.
          </Trans>
        )}
        {f.unknown_access.files > 0 && (
          <>
            {' '}
            <Trans>
              The last access is not known of {count(f.unknown_access.files)}, {bytes(f.unknown_access.bytes)}
              .
            </Trans>
          </>
        )}
      </p>
    </>
  );
}

export default function Inventory({ customer }: { customer: string }) {
  const who = useWho();
  const go = useGo();
  const figures = useQuery({
    queryKey: ['figures', 'inventory', customer],
    queryFn: ({ signal }) =>
      customerFigures(
        { customer_id: customer, want: 'age,size,ext,owner,coldest,largest', rows: 10 },
        signal,
      ),
    staleTime: 60_000,
  });
  return (
    <section aria-label={t`What lies on all volumes`}>
      <h2 style={{ margin: '0 0 12px' }}>
        <Trans>What lies on all volumes</Trans>
      </h2>
      {figures.error && !figures.data ? (
        <Failed error={figures.error} retry={() => void figures.refetch()} />
      ) : !figures.data ? (
        <Card aria-busy="true" role="status" aria-label={t`Loading what lies on all volumes`}>
          <Skeleton active paragraph={{ rows: 6 }} />
        </Card>
      ) : figures.data.totals.files === 0 ? (
        <Card>
          <span className="sub">
            <Trans>Nothing is known yet. Scan a volume, or import a list of its files.</Trans>
          </span>{' '}
          {who.mayWrite && (
            <Button size="small" onClick={() => go('/imports/new')}>
              <Trans>Import a file</Trans>
            </Button>
          )}
        </Card>
      ) : (
        <Shown f={figures.data} />
      )}
    </section>
  );
}
