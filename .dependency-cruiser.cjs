/** The import directions of the architecture. `docs/architecture.md` says why; there are no exceptions. */
const tests = '(\\.test\\.ts$|/test/)'

/** What a package's sources may import; its tests may stand on the sandbox as well. */
const only = (name, allowed) =>
  [
    ['', { pathNot: tests }, [name, ...allowed]],
    ['-tests', { path: tests }, [name, ...allowed, 'sandbox']],
  ].map(([suffix, which, reachable]) => ({
    name: `${name}-imports${suffix}`,
    comment: `${name} may import ${allowed.length ? allowed.join(', ') : 'nothing of ours'}`,
    severity: 'error',
    from: which.path ? { path: `^packages/${name}/.*${which.path}` } : { path: `^packages/${name}/`, ...which },
    to: { path: '^packages/', pathNot: `^packages/(${reachable.join('|')})/` },
  }))

module.exports = {
  forbidden: [
    ...only('transport', []),
    ...only('bitbucket-client', ['transport']),
    ...only('github-client', ['transport']),
    ...only('git-relay', ['transport']),
    ...only('core', ['bitbucket-client', 'github-client', 'git-relay', 'transport']),
    ...only('redis-adapter', ['core']),
    ...only('http-adapter', ['core', 'redis-adapter']),
    ...only('cli-adapter', ['core', 'redis-adapter', 'http-adapter', 'sandbox']),
    ...only('sandbox', []),
    {
      name: 'no-deep-imports',
      comment: "a package is used through its public entries, never through another's insides",
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/([^/]+)/src/(?!index\\.ts$|testing\\.ts$|store/(kit|memory|sqlite)\\.ts$|git/(relay|native|isomorphic)\\.ts$)', pathNot: '^packages/$1/' },
    },
    {
      name: 'core-flows-one-way',
      comment: 'engine → steps → translate | git | store',
      severity: 'error',
      from: { path: '^packages/core/src/(translate|git|store)/' },
      to: { path: '^packages/core/src/(steps/|engine)' },
    },
    {
      name: 'translate-is-pure',
      comment: 'translate/ is functions from one type to another: no I/O, no git, no store',
      severity: 'error',
      from: { path: '^packages/core/src/translate/', pathNot: '\\.test\\.ts$' },
      to: { path: ['^packages/core/src/(git|store|steps)/', '^node:'] },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
}
