// The console behind the login: session, live events, the frame and the rooms, each loaded when it is first entered.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Result } from 'antd';
import { lazy, type ReactNode, Suspense, useEffect, useState } from 'react';
import { Navigate, Route, Routes, useLocation, useNavigate } from 'react-router';
import { api, ApiFailure, must, setCsrf, whenLoggedOut } from './api/client';
import { makeApplier } from './api/data';
import { browser, Live, type LiveState } from './lib/live';
import { usePrefs } from './lib/prefs';
import { LiveContext, SessionContext, useGo, useWho } from './lib/session';
import { Fence } from './ui/fence';
import { Layout } from './ui/layout';
import { Failed, Waiting } from './ui/parts';

const Overview = lazy(() => import('./rooms/overview'));
const Customers = lazy(() => import('./rooms/customers'));
const Hosts = lazy(() => import('./rooms/hosts'));
const Volumes = lazy(() => import('./rooms/volumes'));
const Files = lazy(() => import('./rooms/files'));
const Shares = lazy(() => import('./rooms/shares'));
const Rules = lazy(() => import('./rooms/rules'));
const RuleEdit = lazy(() => import('./rooms/rule'));
const PlanRoom = lazy(() => import('./rooms/plan'));
const Imports = lazy(() => import('./rooms/imports'));
const ImportRoom = lazy(() => import('./rooms/import'));
const VolumeRoom = lazy(() => import('./rooms/volume'));
const WhyRoom = lazy(() => import('./rooms/why'));
const AccessList = lazy(() => import('./rooms/access/list'));
const AccessRoom = lazy(() => import('./rooms/access/room'));
const Jobs = lazy(() => import('./rooms/jobs'));
const JobRoom = lazy(() => import('./rooms/job'));
const Recalls = lazy(() => import('./rooms/recalls'));
const Settings = lazy(() => import('./rooms/settings'));
const Audit = lazy(() => import('./rooms/audit'));
const Users = lazy(() => import('./rooms/users'));

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
    <Result
      status="404"
      title="There is nothing here"
      subTitle="The address is wrong, or what it named is gone."
      extra={
        <Button type="primary" onClick={() => go('/')}>
          To the overview
        </Button>
      }
    />
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
  const session = useQuery({
    queryKey: ['session'],
    staleTime: Infinity,
    retry: (n, e) => !(e instanceof ApiFailure && e.status === 401) && n < 2,
    queryFn: async () => {
      const got = await must(api.GET('/session'));
      setCsrf(got.csrf);
      return got;
    },
  });
  const out = session.error instanceof ApiFailure && session.error.status === 401;
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
