import { defineConfig } from 'tsup'

/** One build for every package: ESM and CJS with types of their own, one file for each public entry. */
export const buildPackage = (entry: Record<string, string>) =>
  defineConfig({
    entry,
    format: ['esm', 'cjs'],
    target: 'node20',
    platform: 'node',
    dts: process.env['SADDLE_BUILD'] === 'js' ? false : { compilerOptions: { ignoreDeprecations: '6.0' } },
    sourcemap: true,
    clean: true,
    splitting: true,
    treeshake: true,
    shims: false,
    silent: true,
  })
