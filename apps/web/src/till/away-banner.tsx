import { type ReactNode, useEffect, useState } from 'react';

import type { Away } from './reconnector';

interface AwayBannerProps {
  readonly away: Away;
  readonly onTryNow: () => void;
  /** What of the cashier's work is safe meanwhile. */
  readonly children?: ReactNode;
}

/** The countdown stands outside the alert, or a screen reader would read it out each second. */
export function AwayBanner({ away, onTryNow, children }: AwayBannerProps): ReactNode {
  const seconds = useSecondsUntil(away.retryAt);
  return (
    <section className="away" aria-label="Connection" data-testid="api-away">
      <div role="alert">
        <strong>{away.reason}</strong> {children}
      </div>
      <p>
        <span className="countdown">
          {seconds > 0 ? `Trying again in ${String(seconds)} s` : 'Trying again …'}
        </span>
        <button type="button" onClick={onTryNow}>
          Try now
        </button>
      </p>
    </section>
  );
}

function useSecondsUntil(moment: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(Date.now());
    }, 500);
    return () => {
      clearInterval(timer);
    };
  }, []);
  return Math.max(0, Math.ceil((moment - now) / 1000));
}
