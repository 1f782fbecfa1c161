/** Keys of what the modules are given that has no class of its own. */
export const CONFIG = Symbol('ServerConfig');
export const LOGGER = Symbol('Logger');
