/** Whoever reads what a command prints, and may have enough of it. */

/** Ends the process with 0 when nobody reads on, such as behind `| head`. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}
