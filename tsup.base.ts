import { defineConfig, type Options } from 'tsup'

/** How every package is built: ESM and CJS with types of their own, one file for each public entry. */
export const packageOptions = (entry: Record<string, string>): Options => ({
  entry,
  format: ['esm', 'cjs'],
  target: 'node20',
  platform: 'node',
  dts: process.env['SADDLE_BUILD'] === 'js' ? false : { compilerOptions: { ignoreDeprecations: '6.0', stripInternal: true } },
  sourcemap: true,
  clean: true,
  splitting: true,
  silent: true,
})

/** The build of a package that has nothing unusual. */
export const buildPackage = (entry: Record<string, string>) => defineConfig(packageOptions(entry))
