/** To be imported before anything that shows steps: they go nowhere, since listr2 takes hold of the output at once. */
process.stdout.write = () => true;
