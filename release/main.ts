/** What the workflows run beside the commands of cli/: each is a script of package.json. */
import { Command } from 'commander';
import { CliError } from '../cli/errors.ts';
import { ConfigError } from '../environments/load.ts';
import { login, type LoginOptions } from './cluster.ts';
import { ciDiff, type CiDiffOptions } from './diff.ts';
import {
  comment,
  fetchRelease,
  issue,
  publish,
  waitForCi,
  type CommentOptions,
  type FetchOptions,
  type IssueOptions,
  type PublishOptions,
} from './github.ts';
import { releaseImages, type ReleaseImagesOptions } from './images.ts';
import { releaseManifests, type ReleaseManifestsOptions } from './manifests.ts';
import { scan, type ScanOptions } from './scan.ts';
import { sign, type SignOptions } from './sign.ts';

const IMAGES = 'dist/release/images.json';
const ARCHIVE = 'dist/release/zakpos.tar.gz';
const DIFF = 'dist/diff.md';

const program = new Command('release').showHelpAfterError();

program
  .command('wait')
  .description('waits until ci is green for a commit')
  .requiredOption('--commit <sha>')
  .action((options: { commit: string }) => waitForCi(options));
program
  .command('images')
  .description('builds every image for amd64 and arm64, and pushes it with its SBOM and provenance')
  .requiredOption('--registry <path>', 'such as ghcr.io/acme')
  .requiredOption('--release <name>', 'such as v1.4.0')
  .option('--out <file>', "gets the images' whole names", IMAGES)
  .action((options: ReleaseImagesOptions) => releaseImages(options));
program
  .command('scan')
  .description('fails when an image has a weakness that is bad enough and has a fix')
  .option('--env <environment>', 'whose images, as docker has them', 'prod')
  .option('--images <file>', 'those that were pushed, instead')
  .option('--platform <platform>', 'such as linux/arm64')
  .option('--severity <list>', 'how bad', 'HIGH,CRITICAL')
  .option('--out <folder>', 'gets the reports', 'dist/scan')
  .action((options: ScanOptions) => scan(options));
program
  .command('sign')
  .description('signs images and an archive without a key')
  .option('--images <file>', 'those that were pushed')
  .option('--archive <file>', 'the manifests')
  .action((options: SignOptions) => sign(options));
program
  .command('manifests')
  .description('renders what is applied in each place, as one file')
  .requiredOption('--release <name>', 'such as v1.4.0')
  .option('--images <file>', 'those that were pushed', IMAGES)
  .option('--targets <folder>', "the places' own values", 'release/targets')
  .option('--out <file>', 'the archive', ARCHIVE)
  .action((options: ReleaseManifestsOptions) => releaseManifests(options));
program
  .command('publish')
  .description('keeps the archive and its signature with the tag')
  .requiredOption('--release <name>', 'such as v1.4.0')
  .option('--archive <file>', 'the manifests', ARCHIVE)
  .action((options: PublishOptions) => publish(options));
program
  .command('fetch')
  .description('downloads the archive of a release, or of the one that ran before')
  .option('--release <name>', 'such as v1.4.0')
  .option('--env <environment>', 'what runs in the cluster', 'prod')
  .option('--context <context>', 'the cluster')
  .option('--archive <file>', 'the manifests', ARCHIVE)
  .action((options: FetchOptions) => fetchRelease(options));
program
  .command('login')
  .description("a context of kubectl by the workflow's own identity")
  .requiredOption('--context <name>')
  .action((options: LoginOptions) => {
    login(options);
  });
program
  .command('diff')
  .description('what a change does to the manifests of prod and cloud')
  .requiredOption('--against <folder>', 'dist/ of the commit that it is for')
  .option('--out <file>', 'gets the text', DIFF)
  .action((options: CiDiffOptions) => ciDiff(options));
program
  .command('comment')
  .description('a text as the one comment of its kind on a pull request')
  .requiredOption('--pull-request <number>')
  .option('--file <file>', 'the text', DIFF)
  .action((options: CommentOptions) => comment(options));
program
  .command('issue')
  .description('opens an issue, or comments on the open one of the same title')
  .requiredOption('--title <text>')
  .requiredOption('--body <text>')
  .action((options: IssueOptions) => issue(options));

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CliError || error instanceof ConfigError)) throw error;
  console.error(`\n${error.message}`);
  process.exitCode = 1;
}
