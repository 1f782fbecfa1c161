/** Schemas are used a few times and then the process ends: compiling them to code would take longer than it saves. */
import { config } from 'zod';

config({ jitless: true });
