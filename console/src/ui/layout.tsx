// The frame around every room: whose things are looked at, where one is, what can be found, and whether it is fresh.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { QuestionCircleOutlined, SearchOutlined } from '@ant-design/icons';
import { Button, Grid, Layout as Ant, theme } from 'antd';
import { type ReactNode, Suspense, useCallback, useMemo, useState } from 'react';
import { Link, useLocation } from 'react-router';
import { late } from '../lib/lang';
import type { LiveState } from '../lib/live';
import { roomAt, roomsFor } from '../lib/rooms';
import { useTo, useWho } from '../lib/session';
import { Dialog } from './dialog';
import { Fence } from './fence';
import { Freshness, LiveBadge } from './fresh';
import { findKeys, KeyHelp, useKeys } from './keys';
import { BottomBar, Inside, RoomList } from './nav';
import { Switcher, useRemembered } from './switcher';
import { TimeTip } from './time';

// Not part of what the first page needs.
const Menus = late(() => import('./account'));
// Asked for when it is first opened.
const Palette = late(() => import('./palette'));

export function Layout({ live, children }: { live: LiveState; children: ReactNode }) {
  const who = useWho();
  const rooms = useMemo(() => roomsFor(who), [who]);
  const to = useTo();
  const place = useLocation();
  const wide = Grid.useBreakpoint().lg ?? true;
  const { token } = theme.useToken();
  const [help, setHelp] = useState(false);
  const [finding, setFinding] = useState<'no' | 'open' | 'shut'>('no');
  const find = useCallback(() => setFinding('open'), []);
  const showHelp = useCallback(() => setHelp(true), []);
  useKeys(rooms, showHelp, find);
  useRemembered();
  const here = roomAt(rooms, place.pathname);
  const brand = (
    <Link
      to={to('/')}
      className="brand"
      aria-label={t`Alto, to the overview`}
      style={{ color: token.colorText }}
    >
      <img src="/alto.svg" alt="" width={26} height={26} />
      <Trans>Alto</Trans>
    </Link>
  );
  const helper = wide && (
    <Button type="text" aria-label={t`Keyboard help`} icon={<QuestionCircleOutlined />} onClick={showHelp} />
  );
  const line = `1px solid ${token.colorBorderSecondary}`;
  return (
    <Ant style={{ minHeight: '100%' }}>
      <a className="skip" href="#main">
        <Trans>Skip to the content</Trans>
      </a>
      {wide && (
        <Ant.Sider
          width={220}
          theme="light"
          className="side"
          style={{ borderInlineEnd: line, background: token.colorBgContainer }}
        >
          <div style={{ padding: '18px 20px 12px' }}>{brand}</div>
          <RoomList rooms={rooms} here={here.room} />
        </Ant.Sider>
      )}
      <Ant style={{ minWidth: 0 }}>
        <Ant.Header
          className={`bar-top${wide ? '' : ' narrow'}`}
          style={{ background: token.colorBgContainer, borderBottom: line }}
        >
          {!wide && (
            <Link to={to('/')} aria-label={t`Alto, to the overview`} className="brand">
              <img src="/alto.svg" alt="" width={26} height={26} />
            </Link>
          )}
          <Switcher wide={wide} />
          <div style={{ flex: 1 }} />
          {wide && (
            <Button
              className="finder"
              icon={<SearchOutlined aria-hidden />}
              onClick={find}
              aria-keyshortcuts="Control+K Meta+K"
            >
              <Trans>
                Search or do <kbd aria-hidden="true">{findKeys()}</kbd>
              </Trans>
            </Button>
          )}
          <LiveBadge live={live} wide={wide} />
          <Suspense fallback={helper}>
            <Menus wide={wide}>{helper}</Menus>
          </Suspense>
        </Ant.Header>
        <Freshness live={live} />
        {here.room && <Inside room={here.room} at={here.inner?.path} />}
        <Ant.Content id="main" tabIndex={-1} style={{ outline: 'none' }}>
          {children}
        </Ant.Content>
        {!wide && <BottomBar rooms={rooms} here={here.room} brand={brand} onFind={find} />}
      </Ant>
      <TimeTip />
      {finding !== 'no' && (
        <Fence
          place="palette"
          instead={() => (
            <Dialog
              open
              title={t`The search could not be loaded`}
              okText={t`Load the page again`}
              onOk={() => window.location.reload()}
              onCancel={() => setFinding('no')}
            >
              <Trans>
                Perhaps Alto was updated, or the network was away. What is not saved on this page is lost when
                it is loaded again.
              </Trans>
            </Dialog>
          )}
        >
          <Suspense fallback={null}>
            <Palette
              rooms={rooms}
              open={finding === 'open'}
              onClose={() => setFinding('shut')}
              onHelp={showHelp}
            />
          </Suspense>
        </Fence>
      )}
      <KeyHelp rooms={rooms} open={help} onClose={() => setHelp(false)} />
    </Ant>
  );
}
