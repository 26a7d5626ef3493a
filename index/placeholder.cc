namespace vecnest {}
