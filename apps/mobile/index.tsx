import { registerRootComponent } from 'expo';

import { App } from './src/App';
import { device } from './src/device';

registerRootComponent(() => <App device={device} />);
