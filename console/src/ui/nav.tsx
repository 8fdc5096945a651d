// The ways between rooms: at the side where there is room, at the bottom of a phone, and the pages inside of a room above it.
import { MenuOutlined, SearchOutlined } from '@ant-design/icons';
import { Button, Drawer } from 'antd';
import { type ReactNode, useState } from 'react';
import { Link } from 'react-router';
import { type Room } from '../lib/rooms';
import { useTo } from '../lib/session';

function Item({ room, here, onGo }: { room: Room; here: boolean; onGo?: () => void }) {
  const to = useTo();
  return (
    <li>
      <Link to={to(room.path)} aria-current={here ? 'page' : undefined} onClick={onGo}>
        <span aria-hidden="true">{room.icon}</span>
        {room.name}
      </Link>
    </li>
  );
}

/** All rooms. */
export function RoomList({ rooms, here, onGo }: { rooms: Room[]; here?: Room; onGo?: () => void }) {
  return (
    <nav aria-label="Rooms" className="rooms">
      <ul>
        {rooms.map((r) => (
          <Item key={r.path} room={r} here={r === here} onGo={onGo} />
        ))}
      </ul>
    </nav>
  );
}

/** The pages inside of a room. */
export function Inside({ room, at }: { room: Room; at?: string }) {
  const to = useTo();
  if (!room.inside || room.inside.length < 2) return null;
  return (
    <nav aria-label={room.name} className="inside">
      <ul>
        {room.inside.map((i) => (
          <li key={i.path}>
            <Link to={to(i.path)} aria-current={i.path === at ? 'page' : undefined}>
              {i.name}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

const NEAR = ['/', '/volumes', '/jobs'];

/** On a phone: what is asked for at night, within reach of a thumb; all else behind the last. */
export function BottomBar({
  rooms,
  here,
  brand,
  onFind,
}: {
  rooms: Room[];
  here?: Room;
  brand: ReactNode;
  onFind: () => void;
}) {
  const [open, setOpen] = useState(false);
  return (
    <div className="bottombar">
      <nav aria-label="Nearest rooms">
        <ul>
          {rooms
            .filter((r) => NEAR.includes(r.path))
            .map((r) => (
              <Item key={r.path} room={r} here={r === here} />
            ))}
        </ul>
      </nav>
      <Button type="text" icon={<SearchOutlined aria-hidden />} onClick={onFind}>
        Search
      </Button>
      <Button
        type="text"
        icon={<MenuOutlined aria-hidden />}
        aria-expanded={open}
        aria-haspopup="dialog"
        className={here && !NEAR.includes(here.path) ? 'here' : undefined}
        onClick={() => setOpen(true)}
      >
        Menu
      </Button>
      <Drawer
        open={open}
        placement="left"
        onClose={() => setOpen(false)}
        title={brand}
        size={280}
        styles={{ body: { padding: 8 } }}
      >
        <RoomList rooms={rooms} here={here} onGo={() => setOpen(false)} />
      </Drawer>
    </div>
  );
}
