// The console behind the login: session, live events, the frame and the rooms, each loaded when it is first entered.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { lazy, type ReactNode, Suspense, useEffect, useState } from 'react';
import { Navigate, Route, Routes, useLocation, useNavigate } from 'react-router';
import { whenLoggedOut } from './api/client';
import { loggedOut, useSession } from './api/session';
import { makeApplier } from './api/data';
import { late } from './lib/lang';
import { browser, Live, type LiveState } from './lib/live';
import { usePrefs } from './lib/prefs';
import { LiveContext, SessionContext, useGo, useWho } from './lib/session';
import { Fence } from './ui/fence';
import { Layout } from './ui/layout';
import { Failed, Nothing, Waiting } from './ui/basics';

const Overview = lazy(() => import('./rooms/overview'));
const Customers = late(() => import('./rooms/customers'));
const Hosts = late(() => import('./rooms/hosts'));
const Volumes = late(() => import('./rooms/volumes'));
const Files = late(() => import('./rooms/files'));
const Shares = late(() => import('./rooms/shares'));
const Rules = late(() => import('./rooms/rules'));
const RuleEdit = late(() => import('./rooms/rule'));
const PlanRoom = late(() => import('./rooms/plan'));
const Imports = late(() => import('./rooms/imports'));
const ImportRoom = late(() => import('./rooms/import'));
const VolumeRoom = late(() => import('./rooms/volume'));
const WhyRoom = late(() => import('./rooms/why'));
const AccessList = late(() => import('./rooms/access/list'));
const AccessRoom = late(() => import('./rooms/access/room'));
const Jobs = late(() => import('./rooms/jobs'));
const JobRoom = late(() => import('./rooms/job'));
const Recalls = late(() => import('./rooms/recalls'));
const Settings = late(() => import('./rooms/settings'));
const Audit = late(() => import('./rooms/audit'));
const Users = late(() => import('./rooms/users'));

function useLive(on: boolean): LiveState {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>('connecting');
  useEffect(() => {
    if (!on) return undefined;
    const live = new Live(browser, 'alto.live', makeApplier(client), setState);
    live.start();
    return () => live.close();
  }, [on, client]);
  return state;
}

function Missing() {
  const go = useGo();
  return (
    <div className="page">
      <Nothing
        title={t`There is nothing here`}
        text={t`The address is wrong, or what it named is gone.`}
        action={
          <Button type="primary" onClick={() => go('/')}>
            <Trans>To the overview</Trans>
          </Button>
        }
      />
    </div>
  );
}

function OnlyFor({ may, children }: { may: 'operator' | 'mayUsers'; children: ReactNode }) {
  return useWho()[may] ? children : <Missing />;
}

export default function Inside() {
  const client = useQueryClient();
  const navigate = useNavigate();
  usePrefs(); // how things are written: when it changes, all of them are written anew
  const place = useLocation();
  const here = place.pathname + place.search;
  const session = useSession();
  const out = loggedOut(session.error);
  const live = useLive(!!session.data);
  useEffect(() => {
    whenLoggedOut(() => {
      if (window.location.pathname === '/login') return;
      client.clear();
      void navigate(`/login?back=${encodeURIComponent(window.location.pathname + window.location.search)}`, {
        replace: true,
      });
    });
  }, [client, navigate]);
  if (out)
    return <Navigate replace to={here === '/' ? '/login' : `/login?back=${encodeURIComponent(here)}`} />;
  if (session.error && !session.data)
    return (
      <div className="page">
        <Failed error={session.error} retry={() => void session.refetch()} />
      </div>
    );
  if (!session.data) return <Waiting />;
  return (
    <SessionContext value={session.data}>
      <LiveContext value={live}>
        <Layout live={live}>
          <Fence place={place.pathname}>
            <Suspense fallback={<Waiting />}>
              <Routes>
                <Route path="/" element={<Overview />} />
                <Route
                  path="/customers"
                  element={
                    <OnlyFor may="operator">
                      <Customers />
                    </OnlyFor>
                  }
                />
                <Route path="/hosts" element={<Hosts />} />
                <Route path="/volumes" element={<Volumes />} />
                <Route path="/volumes/:id/files" element={<Files />} />
                <Route path="/shares" element={<Shares />} />
                <Route path="/rules" element={<Rules />} />
                <Route path="/rules/:id" element={<RuleEdit />} />
                <Route path="/plan" element={<PlanRoom />} />
                <Route path="/imports" element={<Imports />} />
                <Route path="/imports/:id" element={<ImportRoom />} />
                <Route path="/volumes/:id" element={<VolumeRoom />} />
                <Route path="/volumes/:id/why" element={<WhyRoom />} />
                <Route path="/access" element={<AccessList />} />
                <Route path="/access/:id" element={<AccessRoom />} />
                <Route path="/jobs" element={<Jobs />} />
                <Route path="/jobs/:id" element={<JobRoom />} />
                <Route path="/recalls" element={<Recalls />} />
                <Route path="/audit" element={<Audit />} />
                <Route path="/settings" element={<Settings />} />
                <Route
                  path="/users"
                  element={
                    <OnlyFor may="mayUsers">
                      <Users />
                    </OnlyFor>
                  }
                />
                <Route path="*" element={<Missing />} />
              </Routes>
            </Suspense>
          </Fence>
        </Layout>
      </LiveContext>
    </SessionContext>
  );
}
