// Circles of folders are looked for without tests, which may import from any layer.
module.exports = {
  forbidden: [{ name: 'no-folder-circles', severity: 'error', scope: 'folder', from: {}, to: { circular: true } }],
  options: {
    includeOnly: '^actors/',
    exclude: { path: '\\.(test|contract)\\.ts$' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
  },
}
