// Whose things are looked at: the operator chooses, all others see their own customer's name.
import { t } from '@lingui/core/macro';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect } from 'react';
import { useLocation, useNavigate, useSearchParams } from 'react-router';
import { api, must } from '../api/client';
import { useNamed } from '../api/data';
import { prefs, setPrefs } from '../lib/prefs';
import { switched } from '../lib/rooms';
import { useWho } from '../lib/session';

// Not part of what the first page needs.
const Pick = lazy(() => import('./pick').then((m) => ({ default: m.Pick })));

const KINDS: Record<string, string> = {
  volumes: 'volume',
  access: 'volume',
  jobs: 'job',
  imports: 'import',
  rules: 'rule',
};

/** To the same room of another customer, or of all. */
export function useSwitch(): (customer: string | undefined) => void {
  const { id } = useWho();
  const place = useLocation();
  const [search] = useSearchParams();
  const client = useQueryClient();
  const navigate = useNavigate();
  return (customer) => {
    const [, room, one] = place.pathname.split('/');
    const shown = client.getQueryData<{ customer_id?: string }>([KINDS[room!] ?? room, one]);
    setPrefs({ customer: customer ? { user: id, id: customer } : undefined });
    void navigate(switched(place.pathname, search, customer, !!customer && shown?.customer_id === customer));
  };
}

/** Who comes in by the front door goes on with the customer of the last time, as long as there is one. */
export function useRemembered(): void {
  const { operator, id } = useWho();
  const place = useLocation();
  const navigate = useNavigate();
  const client = useQueryClient();
  useEffect(() => {
    const last = prefs().customer;
    if (!operator || place.pathname !== '/' || place.search || last?.user !== id) return;
    void client
      .fetchQuery({
        queryKey: ['customers', 'one', last.id],
        retry: false,
        queryFn: () => must(api.GET('/customers/{id}', { params: { path: { id: last.id } } })),
      })
      .then(
        // Unless one has gone on meanwhile.
        () => {
          if (window.location.pathname === '/' && !window.location.search)
            void navigate(`/?customer=${last.id}`, { replace: true });
        },
        () => undefined,
      );
    // Only at the door: later an address without a customer means all of them.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);
}

function Own({ id }: { id: string }) {
  const one = useQuery({
    queryKey: ['customers', 'one', id],
    staleTime: 600_000,
    queryFn: () => must(api.GET('/customers/{id}', { params: { path: { id } } })),
  });
  return (
    <span className="owncustomer" title={one.data?.name}>
      {one.data?.name}
    </span>
  );
}

export function Switcher({ wide }: { wide: boolean }) {
  const { operator, customer } = useWho();
  const to = useSwitch();
  const now = useNamed('customers', operator ? customer : undefined);
  if (!operator) return customer ? <Own id={customer} /> : null;
  return (
    <div className="switcher" title={now?.name}>
      <Suspense fallback={<div className="nopick">{customer ? now?.name : t`All customers`}</div>}>
        <Pick
          noun="customers"
          label={t`Customer`}
          all={t`All customers`}
          value={customer}
          style={{ width: wide ? 260 : '100%' }}
          onChange={to}
        />
      </Suspense>
    </div>
  );
}
