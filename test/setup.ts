/** Before the tests of a process: what loads TypeScript into it is not for the programs that tests run. */
delete process.env.NODE_OPTIONS;
