import type { ReactNode } from 'react';

import type { RegisterState } from './register';

interface LiveSalesProps {
  readonly state: RegisterState;
  readonly money: ((minor: number) => string) | null;
}

const feedNames = { connecting: 'connecting …', live: 'live', lost: 'reconnecting …' };
const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

export function LiveSales({ state: { sales, feed }, money }: LiveSalesProps): ReactNode {
  return (
    <section className="live">
      <h2>
        <span id="live-heading">Live sales</span> <small data-feed={feed}>{feedNames[feed]}</small>
      </h2>
      <ul aria-labelledby="live-heading">
        {money === null
          ? null
          : sales.map((sale) => (
              <li key={sale.id}>
                <span>#{sale.number}</span>
                <time dateTime={sale.createdAt}>{time.format(new Date(sale.createdAt))}</time>
                <span className="price">{money(sale.totalMinor)}</span>
              </li>
            ))}
      </ul>
      {sales.length === 0 ? <p className="hint">No sales yet.</p> : null}
    </section>
  );
}
