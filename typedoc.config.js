// The reference: a page for every public entry of every package, as their manifests list them.
import { readFileSync, readdirSync } from 'node:fs'

const manifests = readdirSync('packages').map((folder) => ({ folder, ...JSON.parse(readFileSync(`packages/${folder}/package.json`, 'utf8')) }))

/** @type {Partial<import('typedoc').TypeDocOptions>} */
export default {
  name: 'Saddle',
  entryPoints: manifests.flatMap(({ folder, exports }) =>
    Object.keys(exports).map((entry) => `packages/${folder}/src/${entry === '.' ? 'index' : entry.slice(2)}.ts`),
  ),
  tsconfig: 'tsconfig.json',
  out: 'docs/reference',
  readme: 'README.md',
  excludeInternal: true,
  excludePrivate: true,
  treatWarningsAsErrors: true,
  validation: { notExported: true, invalidLink: true, notDocumented: true },
  requiredToBeDocumented: ['Module', 'Class', 'Interface', 'Function', 'TypeAlias', 'Variable', 'Enum', 'EnumMember', 'Method', 'Accessor'],
  // Without this the check looks at the workspace's own package alone, which has no symbol.
  packagesRequiringDocumentation: manifests.map(({ name }) => name),
}
