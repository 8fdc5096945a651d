// All rooms, behind the last button of a phone.
import { Drawer } from 'antd';
import type { ReactNode } from 'react';
import type { Room } from '../lib/rooms';
import { RoomList } from './nav';

export default function SideMenu({
  rooms,
  here,
  brand,
  open,
  onClose,
}: {
  rooms: Room[];
  here?: Room;
  brand: ReactNode;
  open: boolean;
  onClose: () => void;
}) {
  return (
    <Drawer
      open={open}
      placement="left"
      onClose={onClose}
      title={brand}
      size={280}
      styles={{ body: { padding: 8 } }}
    >
      <RoomList rooms={rooms} here={here} onGo={onClose} />
    </Drawer>
  );
}
