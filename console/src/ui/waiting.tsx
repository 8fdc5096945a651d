import { t } from '@lingui/core/macro';
import { Spin } from 'antd';

export const Waiting = () => (
  <div
    style={{ display: 'grid', placeItems: 'center', minHeight: 300 }}
    role="status"
    aria-label={t`Loading`}
  >
    <Spin />
  </div>
);
