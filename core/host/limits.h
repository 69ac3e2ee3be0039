/* limits.h: how long paths and names may be, how many plugins and options there may be. */
#ifndef HOST_LIMITS_H
#define HOST_LIMITS_H

#define HOST_PATH_MAX 4096      /* bytes of a path, its NUL included */
#define HOST_PLUGIN_NAME_MAX 48 /* bytes of a plugin's or option's name, its NUL included */
#define HOST_PLUGINS_LISTED 128 /* plugins of one folder */
#define HOST_OPTIONS_MAX 128    /* options of one plugin */

#endif
