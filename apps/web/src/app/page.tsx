import type { ReactNode } from 'react';

import { currentPublicConfig } from '../config/current';
import { Till } from '../till/till';

export default function Page(): ReactNode {
  return <Till config={currentPublicConfig()} />;
}
