import { followPagesOnCluster } from '../pages.ts';

followPagesOnCluster();
