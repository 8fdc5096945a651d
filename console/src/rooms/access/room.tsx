// The record of accesses of one volume: how it stands, what comes in, what and who is busy and when, its clients, its settings.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { Button, Card, Grid, Select, Skeleton, Tabs } from 'antd';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { useParams } from 'react-router';
import { useAccess } from '../../api/access';
import { api, ApiFailure, must } from '../../api/client';
import { useAddress, useGo, useWho } from '../../lib/session';
import { AccessTag } from '../../ui/accessstate';
import { Coming, Failed, Nothing, Page } from '../../ui/parts';
import { NameOf } from '../../ui/pick';
import { Trouble } from './parts';
import { Standing } from './standing';

const Latest = lazy(() => import('./latest'));
const Busiest = lazy(() => import('./busiest'));
const Hours = lazy(() => import('./hours'));
const Nodes = lazy(() => import('./nodes'));
const Lines = lazy(() => import('./lines'));
const Settings = lazy(() => import('./settings'));

const TABS = ['state', 'live', 'busiest', 'hours', 'clients', 'lines', 'settings'] as const;
type Tab = (typeof TABS)[number];
/** Members of the address that belong to one tab and are left behind with it. */
const OWN = ['q', 'sort', 'order', 'only', 'user', 'host', 'kind', 'path', 'path_b64', 'by', 'as', 'rows'];

const Waits = () => (
  <Card aria-busy="true" role="status" aria-label={t`Loading`}>
    <Skeleton active paragraph={{ rows: 6 }} />
  </Card>
);

export default function AccessRoom() {
  const { id = '' } = useParams();
  const who = useWho();
  const go = useGo();
  const [search, change] = useAddress();
  // Seven names do not fit beside each other on a phone.
  const wide = Grid.useBreakpoint().md ?? true;
  const asked = search.get('tab') as Tab | null;
  const tab: Tab = asked && TABS.includes(asked) ? asked : 'state';
  const volume = useQuery({
    queryKey: ['volume', id],
    queryFn: () => must(api.GET('/volumes/{id}', { params: { path: { id } } })),
  });
  const v = volume.data;
  const logs = v?.kind === 'lucidlink';
  const access = useAccess(id, logs);
  if (!v)
    return (
      <Coming
        title={t`Access`}
        what="volume"
        of={volume}
        list={{ path: '/access', name: t`All filespaces` }}
      />
    );
  if (!logs)
    return (
      <Page title={t`Access of ${v.name}`}>
        <Card>
          <Nothing
            title={t`This volume has no audit logs`}
            text={t`Only filespaces of LucidLink do. Of other volumes the last access is known from walks, imports and recalls: its figures show it.`}
            action={
              <Button type="primary" onClick={() => go(`/volumes/${id}`)}>
                <Trans>Figures</Trans>
              </Button>
            }
          />
        </Card>
      </Page>
    );
  const a = access.data;
  const gone = access.error instanceof ApiFailure && access.error.status < 500 && access.error.status > 0;
  const child = (tabbed: React.ReactNode) => <Suspense fallback={<Waits />}>{tabbed}</Suspense>;
  const to = (t: string) =>
    change({
      ...Object.fromEntries(OWN.map((name) => [name, undefined])),
      tab: t === 'state' ? undefined : t,
    });
  const parts = [
    { key: 'state', label: t`State`, children: a ? <Standing a={a} error={access.error} /> : <Waits /> },
    { key: 'live', label: t`Live`, children: child(<Latest volume={id} access={a} />) },
    { key: 'busiest', label: t`Busiest`, children: child(<Busiest volume={id} />) },
    { key: 'hours', label: t`By hour`, children: child(<Hours volume={id} />) },
    { key: 'clients', label: t`Clients`, children: child(<Nodes volume={id} access={a} />) },
    { key: 'lines', label: t`Lines`, children: a ? child(<Lines a={a} />) : <Waits /> },
    { key: 'settings', label: t`Settings`, children: child(<Settings volume={v} access={a} />) },
  ];
  return (
    <Page
      title={t`Access of ${v.name}`}
      text={
        <>
          <NameOf noun="hosts" id={v.host_id} customer={who.customer} />{' '}
          <span className="mono">{v.path}</span>
        </>
      }
      actions={
        <>
          {a && <AccessTag of={a} />}
          <Button onClick={() => go(`/volumes/${id}/files`)}>
            <Trans>Files</Trans>
          </Button>
          <Button onClick={() => go(`/volumes/${id}`)}>
            <Trans>Figures</Trans>
          </Button>
        </>
      }
    >
      {access.error && (!a || gone) ? (
        <Failed error={access.error} retry={() => void access.refetch()} />
      ) : (
        <>
          {a && <Trouble of={a} />}
          {wide ? (
            <Tabs activeKey={tab} destroyOnHidden onChange={to} items={parts} />
          ) : (
            <>
              <Select
                aria-label={t`Shown`}
                style={{ width: '100%', marginBottom: 16 }}
                value={tab}
                onChange={to}
                options={parts.map(({ key, label }) => ({ value: key, label }))}
              />
              {parts.find((p) => p.key === tab)!.children}
            </>
          )}
        </>
      )}
    </Page>
  );
}
