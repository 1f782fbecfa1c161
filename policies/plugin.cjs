/**
 * The validation plugin that cdk8s.yaml names: it tells cdk8s the verdict that main.ts has come to, where the objects
 * are at hand; reading them again from YAML takes several times as long as judging them.
 */
const { existsSync, readFileSync, rmSync } = require('node:fs');
const { dirname, join } = require('node:path');

exports.Policies = class Policies {
  validate(context) {
    const file = context.manifests
      .map((manifest) => join(dirname(dirname(manifest)), 'construct-metadata.json'))
      .find((path) => existsSync(path));
    const { verdict } = file === undefined ? {} : JSON.parse(readFileSync(file, 'utf8'));
    if (verdict === undefined) {
      throw new Error(
        'No verdict of the policies is beside the manifests\n  Let cdk8s run `node synth.mjs`, as cdk8s.yaml does',
      );
    }
    // cdk8s has read it, and kubectl should not.
    rmSync(file);
    for (const { rule, resource, manifest, fact, fix } of verdict.violations) {
      context.report.addViolation({
        ruleName: rule,
        recommendation: fact,
        fix,
        violatingResources: [{ resourceName: resource, manifestPath: manifest, locations: [fact] }],
      });
    }
    context.report.submit(verdict.violations.length === 0 ? 'success' : 'failure', verdict.waived);
  }
};
