import { buildPackage } from '../../tsup.base.ts'

export default buildPackage({
  index: 'src/index.ts',
  testing: 'src/testing.ts',
  'store/kit': 'src/store/kit.ts',
  'store/memory': 'src/store/memory.ts',
  'store/sqlite': 'src/store/sqlite.ts',
  'git/relay': 'src/git/relay.ts',
  'git/native': 'src/git/native.ts',
  'git/isomorphic': 'src/git/isomorphic.ts',
})
