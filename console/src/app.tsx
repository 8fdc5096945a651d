import { QueryClientProvider } from '@tanstack/react-query';
import { i18n } from '@lingui/core';
import { I18nProvider } from '@lingui/react';
import { App as AntApp, ConfigProvider, theme } from 'antd';
import { lazy, type ReactNode, Suspense, useEffect, useState } from 'react';
import { BrowserRouter, Navigate, Route, Routes, useLocation } from 'react-router';
import { makeClient } from './api/data';
import { localeOfAnt, speak, spoken, wanted } from './lib/lang';
import { useDark, useFinger, usePrefs, useStill } from './lib/prefs';

import { loggedOut, useSession, wasHere } from './api/session';
import { Waiting } from './ui/waiting';

// Neither is part of what the other needs.
const Inside = lazy(() => import('./inside'));
const Login = lazy(() => import('./rooms/login'));

const LIGHT = {
  token: {
    colorPrimary: '#1f6f8b',
    colorInfo: '#1f6f8b',
    colorLink: '#17607a',
    colorError: '#c0271f',
    colorSuccess: '#1e8e4e',
    colorBgLayout: '#f3f6f8',
    colorTextPlaceholder: '#67737b',
    // Who may only look reads rules in fields that are switched off.
    colorTextDisabled: '#68737a',
    colorTextDescription: '#57636b',
    colorTextTertiary: '#57636b',
    colorInfoBg: '#e8f3f7',
    colorInfoBorder: '#b7d6e2',
    colorSuccessBg: '#e7f6ed',
    colorSuccessBorder: '#b5dfc5',
    colorWarningBg: '#fff6e5',
    colorWarningBorder: '#f1d59b',
    colorErrorBg: '#fdeeee',
    colorErrorBorder: '#f3c1be',
    controlItemBgActive: '#e6f1f5',
    controlItemBgActiveHover: '#d9eaf0',
  },
  menu: { itemSelectedBg: '#e0eef3', itemSelectedColor: '#12556d' },
  button: {},
};
const DARK = {
  token: {
    colorPrimary: '#3aa3c4',
    colorInfo: '#3aa3c4',
    colorLink: '#6cc3de',
    colorError: '#ff9398',
    colorSuccess: '#3fbf78',
    colorBgLayout: '#0f1417',
    colorBgContainer: '#171d21',
    colorBgElevated: '#1f272c',
    colorTextPlaceholder: '#94a1a9',
    colorTextDisabled: '#8b98a0',
    colorTextDescription: '#a3afb7',
    colorTextTertiary: '#a3afb7',
    colorInfoBg: '#13303a',
    colorInfoBorder: '#235061',
    colorSuccessBg: '#14301f',
    colorSuccessBorder: '#265239',
    colorWarningBg: '#372b12',
    colorWarningBorder: '#64501f',
    colorErrorBg: '#3a181a',
    colorErrorBorder: '#6b2b2d',
    controlItemBgActive: '#17303a',
    controlItemBgActiveHover: '#1c3a46',
  },
  menu: { itemSelectedBg: '#17343f', itemSelectedColor: '#9bd9ee' },
  button: { primaryColor: '#041b23', dangerColor: '#240608' },
};

export function Look({ children }: { children: ReactNode }) {
  const dark = useDark();
  const still = useStill();
  const finger = useFinger();
  const look = dark ? DARK : LIGHT;
  useEffect(() => {
    document.documentElement.dataset.look = dark ? 'dark' : 'light';
    document.documentElement.style.colorScheme = dark ? 'dark' : 'light';
    document.body.style.background = look.token.colorBgLayout;
  }, [dark, look]);
  return (
    <ConfigProvider
      locale={localeOfAnt()}
      theme={{
        algorithm: dark ? theme.darkAlgorithm : theme.defaultAlgorithm,
        token: {
          motion: !still,
          borderRadius: 8,
          ...(finger ? { controlHeight: 38, controlHeightSM: 32 } : {}),
          fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
          ...look.token,
        },
        components: { Menu: look.menu, Button: look.button },
      }}
    >
      <AntApp style={{ height: '100%' }}>{children}</AntApp>
    </ConfigProvider>
  );
}

/** The language that is spoken: another one is loaded when it is chosen. */
function useLanguage(): string {
  const { language } = usePrefs();
  const [now, setNow] = useState(spoken());
  useEffect(() => {
    let gone = false;
    const to = wanted();
    if (to !== spoken())
      speak(to).then(
        () => gone || setNow(to),
        () => undefined, // as it was, until it is chosen again
      );
    return () => {
      gone = true;
    };
  }, [language]);
  return now;
}

/** Who is not logged in comes to the login without loading what is behind it. */
function Door() {
  const session = useSession();
  const place = useLocation();
  const here = place.pathname + place.search;
  if (loggedOut(session.error))
    return <Navigate replace to={here === '/' ? '/login' : `/login?back=${encodeURIComponent(here)}`} />;
  return session.data || session.error || wasHere() ? <Inside /> : <Waiting />;
}

export function App() {
  const language = useLanguage();
  const [client] = useState(makeClient);
  return (
    <QueryClientProvider client={client}>
      <I18nProvider i18n={i18n}>
        <Look>
          <BrowserRouter>
            {/* Whatever was said is said anew. */}
            <Suspense fallback={<Waiting />}>
              <Routes key={language}>
                <Route path="/login" element={<Login />} />
                <Route path="*" element={<Door />} />
              </Routes>
            </Suspense>
          </BrowserRouter>
        </Look>
      </I18nProvider>
    </QueryClientProvider>
  );
}
