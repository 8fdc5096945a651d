import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from 'react-router';
import { api, must, setCsrf } from '../api/client';

export function useLogOut() {
  const client = useQueryClient();
  const navigate = useNavigate();
  return async () => {
    await must(api.DELETE('/session')).catch(() => undefined);
    setCsrf(undefined);
    client.clear();
    void navigate('/login');
  };
}
