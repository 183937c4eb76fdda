const { options } = require('./.dependency-cruiser.cjs')

/** Folders have no circles, types included. Tests may import any folder, so they are left out. */
module.exports = {
  forbidden: [
    {
      name: 'no-circle-of-folders',
      severity: 'error',
      scope: 'folder',
      from: {},
      to: { circular: true },
    },
  ],
  options: { ...options, exclude: { path: '(^dist/|^test/|\\.(test|contract)\\.ts$|/contract/)' } },
}
