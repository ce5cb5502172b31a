/* A preloaded library for tests: makes the disk's flush slow or free, and logs what reaches a
 * file so that power loss can be played back.
 *
 *   VCSHIM_FLUSH_US=N    fsync and fdatasync take N microseconds longer
 *   VCSHIM_FLUSH_ONLY=1  ... and do nothing else: nothing is really flushed
 *   VCSHIM_LOG=FILE      log the changes of files ...
 *   VCSHIM_MATCH=TEXT    ... whose absolute path contains TEXT
 *   VCSHIM_ACK=PATH      log each write to PATH as a mark: what happened before it is promised
 *
 * Not seen: writes through mmap, copy_file_range, sendfile, links, and files opened inside the C
 * library (stdio). Neither SQLite's WAL mode nor Rust's std::fs writes in those ways, but for the
 * -shm file, which need not survive, and fs::copy.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum op {
    OP_OPEN = 1,
    OP_WRITE,
    OP_TRUNCATE,
    OP_SYNC_BEGIN,
    OP_SYNC_END,
    OP_UNLINK,
    OP_RENAME,
    OP_CLOSE,
    OP_ACK
};
enum open_flag { FLAG_CREATE = 1, FLAG_TRUNCATE = 2, FLAG_FOLDER = 4 };

/* One record: this header, then the path, then the data. Little endian, as the machine is. */
struct header {
    uint32_t magic;
    uint8_t op;
    uint8_t flags;
    uint16_t path_length;
    uint32_t process;
    uint32_t thread;
    uint64_t file;   /* inode: a file keeps its number while it is renamed or unlinked */
    uint64_t offset; /* of a write; the length after an open or truncation; the number of a sync */
    uint64_t data_length;
};
#define MAGIC 0x4c534356u /* "VCSL" */

#define MAX_FD 65536
/* What stands behind a descriptor: not looked at yet, nothing of ours, the ack file, or a file. */
struct file {
    uint64_t inode;
    int is_folder;
    char *path;
    struct file *next;
};
static struct file other, ack;
static _Atomic(struct file *) table[MAX_FD];
static _Atomic(struct file *) known;
static atomic_uint_fast64_t syncs;
static int log_fd = -1;
static const char *match_text, *ack_path;
static long flush_us = -1;
static int flush_only;

#define REAL(name) \
    static __typeof__(&name) real_##name; \
    static __typeof__(&name) find_##name(void) { \
        if (!real_##name) { \
            real_##name = (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
            if (!real_##name) abort(); \
        } \
        return real_##name; \
    }
REAL(open) REAL(open64) REAL(openat) REAL(openat64) REAL(creat) REAL(creat64)
REAL(write) REAL(pwrite) REAL(pwrite64) REAL(writev) REAL(ftruncate) REAL(ftruncate64)
REAL(fsync) REAL(fdatasync) REAL(unlink) REAL(unlinkat) REAL(rename) REAL(renameat)
REAL(dup2) REAL(close)

__attribute__((constructor)) static void start(void) {
    const char *text = getenv("VCSHIM_FLUSH_US");
    flush_us = text ? atol(text) : -1;
    text = getenv("VCSHIM_FLUSH_ONLY");
    flush_only = text && *text == '1';
    match_text = getenv("VCSHIM_MATCH");
    ack_path = getenv("VCSHIM_ACK");
    text = getenv("VCSHIM_LOG");
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    if (text && *text) log_fd = (int)syscall(SYS_openat, AT_FDCWD, text, flags, 0600);
}

/* Writes a whole record by one system call, which O_APPEND makes atomic among processes. */
static void record(enum op op, int flags, const struct file *file, const char *path,
                   uint64_t offset, const struct iovec *data, int pieces, size_t length) {
    if (log_fd < 0 || pieces > 62) return;
    int saved = errno;
    struct header header = {MAGIC, (uint8_t)op, (uint8_t)flags, (uint16_t)strlen(path),
                            (uint32_t)getpid(), (uint32_t)syscall(SYS_gettid),
                            file ? file->inode : 0, offset, length};
    struct iovec parts[64] = {{&header, sizeof header}, {(void *)path, header.path_length}};
    int used = 2;
    for (int i = 0; i < pieces && length > 0; i++) {
        size_t take = data[i].iov_len < length ? data[i].iov_len : length;
        parts[used++] = (struct iovec){data[i].iov_base, take};
        length -= take;
    }
    size_t whole = sizeof header + header.path_length + header.data_length;
    /* A log with a hole would let a test pass that should not. */
    if (syscall(SYS_writev, log_fd, parts, used) != (long)whole) abort();
    errno = saved;
}

/* Writes the absolute path of `path` in an open folder, or in the current one. */
static void absolute(int folder, const char *path, char out[PATH_MAX]) {
    char base[PATH_MAX], link[64];
    long length;
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    if (path[0] == '/')
        length = 0;
    else if (folder == AT_FDCWD)
        length = syscall(SYS_getcwd, base, sizeof base) - 1; /* It counts the final NUL. */
    else
        length = syscall(SYS_readlinkat, AT_FDCWD, link, base, sizeof base);
    /* What does not fit matches nothing. */
    if (length < 0 || (size_t)length + strlen(path) + 2 > PATH_MAX)
        out[0] = 0;
    else
        snprintf(out, PATH_MAX, "%.*s%s%s", (int)length, base, length ? "/" : "", path);
}

static int matches(const char *path) {
    return match_text && *match_text && strstr(path, match_text) != NULL;
}

/* Finds or adds the file; entries are never freed, so that readers need no lock. */
static struct file *file_of(const char *path, const struct stat *status) {
    uint64_t inode = (uint64_t)status->st_ino;
    struct file *head = atomic_load(&known);
    for (struct file *at = head; at; at = at->next)
        if (at->inode == inode && strcmp(at->path, path) == 0) return at;
    struct file *added = malloc(sizeof *added);
    char *copy = strdup(path);
    if (!added || !copy) abort();
    *added = (struct file){inode, S_ISDIR(status->st_mode), copy, head};
    while (!atomic_compare_exchange_weak(&known, &added->next, added)) {}
    return added;
}

static struct file *classify(int fd, const char *path) {
    if (ack_path && strcmp(path, ack_path) == 0) return &ack;
    if (!matches(path)) return &other;
    struct stat status;
    if (fstat(fd, &status) != 0 || S_ISCHR(status.st_mode)) return &other;
    return file_of(path, &status);
}

static void remember(int fd, struct file *file) {
    if (fd >= 0 && fd < MAX_FD) atomic_store(&table[fd], file);
}

/* What stands behind `fd`; one that was inherited is looked up by its link under /proc. */
static struct file *lookup(int fd) {
    if (log_fd < 0 || fd < 0 || fd >= MAX_FD) return &other;
    struct file *file = atomic_load(&table[fd]);
    if (file) return file;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (length < 0) return &other;
    path[length] = 0;
    file = classify(fd, path);
    remember(fd, file);
    return file;
}

static int is_ours(const struct file *file) { return file != &other && file != &ack; }

static int opened(int fd, int folder, const char *path, int flags) {
    if (fd < 0 || log_fd < 0) return fd;
    int saved = errno;
    char whole[PATH_MAX];
    absolute(folder, path, whole);
    remember(fd, classify(fd, whole));
    struct file *file = lookup(fd);
    if (is_ours(file)) {
        int told = (flags & O_CREAT ? FLAG_CREATE : 0) | (flags & O_TRUNC ? FLAG_TRUNCATE : 0);
        if (file->is_folder) told = FLAG_FOLDER;
        struct stat status = {0};
        fstat(fd, &status);
        record(OP_OPEN, told, file, file->path, (uint64_t)status.st_size, NULL, 0, 0);
    }
    errno = saved;
    return fd;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { \
        va_list list; \
        va_start(list, flags); \
        mode = va_arg(list, mode_t); \
        va_end(list); \
    }

int open(const char *path, int flags, ...) {
    MODE(flags)
    return opened(find_open()(path, flags, mode), AT_FDCWD, path, flags);
}

int open64(const char *path, int flags, ...) {
    MODE(flags)
    return opened(find_open64()(path, flags, mode), AT_FDCWD, path, flags);
}

int openat(int folder, const char *path, int flags, ...) {
    MODE(flags)
    return opened(find_openat()(folder, path, flags, mode), folder, path, flags);
}

int openat64(int folder, const char *path, int flags, ...) {
    MODE(flags)
    return opened(find_openat64()(folder, path, flags, mode), folder, path, flags);
}

int __open_2(const char *path, int flags) { return open(path, flags); }
int __open64_2(const char *path, int flags) { return open64(path, flags); }

int creat(const char *path, mode_t mode) {
    return opened(find_creat()(path, mode), AT_FDCWD, path, O_CREAT | O_TRUNC);
}

int creat64(const char *path, mode_t mode) {
    return opened(find_creat64()(path, mode), AT_FDCWD, path, O_CREAT | O_TRUNC);
}

/* The mark goes first: once a reader can see the ack, the promise stands in the log. */
static void before_write(int fd, const struct iovec *data, int pieces, size_t length) {
    if (lookup(fd) == &ack) record(OP_ACK, 0, NULL, ack_path, 0, data, pieces, length);
}

static void after_write(int fd, const struct iovec *data, int pieces, ssize_t done,
                        int64_t offset) {
    struct file *file = lookup(fd);
    if (done <= 0 || !is_ours(file)) return;
    if (offset < 0) offset = (int64_t)lseek(fd, 0, SEEK_CUR) - done;
    record(OP_WRITE, 0, file, file->path, (uint64_t)offset, data, pieces, (size_t)done);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    struct iovec data = {(void *)bytes, length};
    before_write(fd, &data, 1, length);
    ssize_t done = find_write()(fd, bytes, length);
    after_write(fd, &data, 1, done, -1);
    return done;
}

ssize_t writev(int fd, const struct iovec *data, int pieces) {
    size_t length = 0;
    for (int i = 0; i < pieces; i++) length += data[i].iov_len;
    before_write(fd, data, pieces, length);
    ssize_t done = find_writev()(fd, data, pieces);
    if (pieces > 62 && is_ours(lookup(fd))) abort();
    after_write(fd, data, pieces, done, -1);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    struct iovec data = {(void *)bytes, length};
    ssize_t done = find_pwrite()(fd, bytes, length, offset);
    after_write(fd, &data, 1, done, offset);
    return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    struct iovec data = {(void *)bytes, length};
    ssize_t done = find_pwrite64()(fd, bytes, length, offset);
    after_write(fd, &data, 1, done, offset);
    return done;
}

static int truncated(int fd, int result, int64_t length) {
    struct file *file = lookup(fd);
    if (result == 0 && is_ours(file))
        record(OP_TRUNCATE, 0, file, file->path, (uint64_t)length, NULL, 0, 0);
    return result;
}

int ftruncate(int fd, off_t length) { return truncated(fd, find_ftruncate()(fd, length), length); }

int ftruncate64(int fd, off64_t length) {
    return truncated(fd, find_ftruncate64()(fd, length), length);
}

/* Marks both ends: only what was done before the beginning is safe at the end. */
static int flush(int fd, int (*real)(int)) {
    struct file *file = lookup(fd);
    uint64_t number = atomic_fetch_add(&syncs, 1);
    if (is_ours(file)) record(OP_SYNC_BEGIN, 0, file, file->path, number, NULL, 0, 0);
    int result = flush_only ? 0 : real(fd);
    if (flush_us > 0) {
        struct timespec left = {flush_us / 1000000, (flush_us % 1000000) * 1000};
        while (nanosleep(&left, &left) != 0 && errno == EINTR) {}
    }
    if (result == 0 && is_ours(file)) record(OP_SYNC_END, 0, file, file->path, number, NULL, 0, 0);
    return result;
}

int fsync(int fd) { return flush(fd, find_fsync()); }
int fdatasync(int fd) { return flush(fd, find_fdatasync()); }

/* Which file a name stands for before the name changes. */
static struct file named(int folder, const char *path) {
    struct stat status = {0};
    int saved = errno;
    if (log_fd >= 0) fstatat(folder, path, &status, AT_SYMLINK_NOFOLLOW);
    errno = saved;
    return (struct file){.inode = (uint64_t)status.st_ino};
}

static void removed(struct file file, int folder, const char *path) {
    char from[PATH_MAX];
    if (log_fd < 0) return;
    absolute(folder, path, from);
    if (matches(from)) record(OP_UNLINK, 0, &file, from, 0, NULL, 0, 0);
}

int unlink(const char *path) {
    struct file file = named(AT_FDCWD, path);
    int result = find_unlink()(path);
    if (result == 0) removed(file, AT_FDCWD, path);
    return result;
}

int unlinkat(int folder, const char *path, int flags) {
    struct file file = named(folder, path);
    int result = find_unlinkat()(folder, path, flags);
    if (result == 0 && !(flags & AT_REMOVEDIR)) removed(file, folder, path);
    return result;
}

static int renamed(int result, struct file file, int folder, const char *path, int to_folder,
                   const char *to) {
    char from[PATH_MAX], target[PATH_MAX];
    if (result != 0 || log_fd < 0) return result;
    absolute(folder, path, from);
    absolute(to_folder, to, target);
    struct iovec data = {target, strlen(target)};
    if (matches(from) || matches(target))
        record(OP_RENAME, 0, &file, from, 0, &data, 1, data.iov_len);
    return result;
}

int rename(const char *from, const char *to) {
    struct file file = named(AT_FDCWD, from);
    return renamed(find_rename()(from, to), file, AT_FDCWD, from, AT_FDCWD, to);
}

int renameat(int folder, const char *from, int to_folder, const char *to) {
    struct file file = named(folder, from);
    return renamed(find_renameat()(folder, from, to_folder, to), file, folder, from, to_folder, to);
}

int dup2(int from, int to) {
    if (from != to) remember(to, NULL);
    return find_dup2()(from, to);
}

int close(int fd) {
    struct file *file = lookup(fd);
    remember(fd, NULL);
    if (is_ours(file)) record(OP_CLOSE, 0, file, file->path, 0, NULL, 0, 0);
    return find_close()(fd);
}
